import ArgumentParser
import FoundationEssentials
import Logging
import Observability

/// What every command takes.
struct ConfigOption: ParsableArguments {
    @Option(help: "Configuration file. Default: ./jobs.conf, else /etc/paidan/jobs.conf.")
    var config: String?

    /// Reads and checks the file.
    func load() throws -> JobsConf {
        let environment = ProcessInfo.processInfo.environment
        let sources = ConfSources(
            environment: { environment[$0] },
            file: { String(decoding: try Data(contentsOf: URL(filePath: $0)), as: UTF8.self) })
        let candidates = config.map { [$0] } ?? ["jobs.conf", "/etc/paidan/jobs.conf"]
        guard let path = candidates.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw ConfError(problems: [
                config.map { "\($0): there is no such file" }
                    ?? "There is no configuration: neither ./jobs.conf nor /etc/paidan/jobs.conf is there; name one with --config."
            ])
        }
        guard let bytes = try? Data(contentsOf: URL(filePath: path)) else {
            throw ConfError(problems: ["\(path): cannot be read"])
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfError(problems: ["\(path): is not UTF-8"])
        }
        return try JobsConf(parsing: text, name: path, sources: sources)
    }
}

struct JSONFlag: ParsableArguments {
    @Flag(name: .customLong("json"), help: "Print JSON.")
    var isOn = false
}
