import Foundation

/// A child process, ended by its process id; the kernel ends it with this program at the latest.
final class Program {
    private let process = Process()
    private let output = Pipe()
    private let name: String
    private let errors: URL

    /// - Parameters:
    ///   - log: a file that receives standard error.
    ///   - asPostgres: run as the user `postgres` if this program is root's: PostgreSQL refuses root.
    init(
        _ path: String, _ arguments: [String], log: String, asPostgres: Bool = false,
        environment: [String: String] = [:]
    ) throws {
        name = ([URL(filePath: path).lastPathComponent] + arguments.prefix(2)).joined(separator: " ")
        errors = URL(filePath: log)
        var words = ["setpriv", "--pdeathsig=KILL"]
        if asPostgres && geteuid() == 0 { words += ["--reuid=postgres", "--regid=postgres", "--init-groups"] }
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = words + [path] + arguments
        process.environment = Self.plainEnvironment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        if !FileManager.default.fileExists(atPath: log) { try Data().write(to: errors) }
        let file = try FileHandle(forWritingTo: errors)
        try file.seekToEnd()
        process.standardError = file
        try process.run()
    }

    /// Nothing of the caller's settings may lead to real servers.
    private static var plainEnvironment: [String: String] {
        ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("PAIDAN_") && !$0.key.hasPrefix("PG") }
    }

    var id: Int32 { process.processIdentifier }

    var isRunning: Bool { process.isRunning }

    /// Waits for its end.
    ///
    /// - Returns: standard output.
    /// - Throws: ``BenchError`` with the end of its log if it failed.
    @discardableResult func finish() throws -> Data {
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let log = (try? String(contentsOf: errors, encoding: .utf8)) ?? ""
            throw BenchError("\(name) ended with \(process.terminationStatus): \(log.suffix(2000))")
        }
        return data
    }

    /// Signals it and waits for its end.
    func end(_ signal: Int32 = SIGTERM) {
        guard process.isRunning else { return }
        kill(id, signal)
        process.waitUntilExit()
    }

    func signal(_ number: Int32) { kill(id, number) }

    /// User and system time so far, seconds.
    var cpuSeconds: Double {
        guard let stat = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8),
            let tail = stat.split(separator: ")").last
        else { return 0 }
        let fields = tail.split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Runs a program to its end.
    @discardableResult
    static func run(_ path: String, _ arguments: [String], log: String, asPostgres: Bool = false) throws -> String {
        String(decoding: try Program(path, arguments, log: log, asPostgres: asPostgres).finish(), as: UTF8.self)
    }
}
