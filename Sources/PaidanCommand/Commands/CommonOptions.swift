import ArgumentParser
import Foundation
import Logging
import Observability
import SystemPackage

/// What every command takes.
struct ConfigOption: ParsableArguments {
    @Option(help: "Configuration file. Default: ./jobs.conf, else /etc/paidan/jobs.conf.")
    var config: String?

    /// Reads and checks the file.
    func load() throws -> JobsConf { try JobsConf(try read()) }

    /// The file as it is.
    func read() throws -> ConfText {
        let candidates = config.map { [$0] } ?? ["jobs.conf", "/etc/paidan/jobs.conf"]
        guard let path = candidates.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw ConfError(problems: [
                config.map { "\($0): there is no such file" }
                    ?? "There is no configuration: neither ./jobs.conf nor /etc/paidan/jobs.conf is there; name one with --config."
            ])
        }
        guard let bytes = try? Self.content(of: path) else {
            throw ConfError(problems: ["\(path): cannot be read"])
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfError(problems: ["\(path): is not UTF-8"])
        }
        return ConfText(name: path, text: text)
    }

    /// All bytes of a file; it may be a pipe or a device.
    fileprivate static func content(of path: String) throws -> [UInt8] {
        let descriptor = try FileDescriptor.open(FilePath(path), .readOnly)
        defer { try? descriptor.close() }
        let file = FileHandle(fileDescriptor: descriptor.rawValue)
        return [UInt8](try file.readToEnd() ?? Data())
    }
}

/// A configuration that was read and not checked.
struct ConfText: Sendable {
    /// How it is called in errors.
    let name: String
    /// TOML; may hold secrets.
    let text: String
}

extension JobsConf {
    /// Checks a configuration; what it names (variables, files) is read now.
    init(_ text: ConfText) throws {
        let environment = ProcessInfo.processInfo.environment
        let sources = ConfSources(
            environment: { environment[$0] },
            file: { String(decoding: try ConfigOption.content(of: $0), as: UTF8.self) })
        try self.init(parsing: text.text, name: text.name, sources: sources)
    }
}

struct JSONFlag: ParsableArguments {
    @Flag(name: .customLong("json"), help: "Print JSON.")
    var isOn = false
}
