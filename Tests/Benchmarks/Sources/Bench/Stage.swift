import Foundation

/// Both sides of every comparison, on the same servers.
final class Stage {
    let options: Options
    let servers: Servers
    private var number = 0

    init(_ options: Options) throws {
        self.options = options
        (port, referencePort) = try Self.freePorts()
        servers = try Servers(root: options.root, parent: options.folder)
        try writeConfiguration("jobs.conf")
        try paidan("migrate")
        // The first call loads the product's functions into Redis, where the reference finds them.
        try paidan("enqueue", "noop")
        try servers.flushRedis()
    }

    /// Two ports that nobody listens on now.
    private static func freePorts() throws -> (Int, Int) {
        let sockets = (0..<2).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
        defer { for descriptor in sockets { close(descriptor) } }
        let ports = try sockets.map { descriptor in
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let failed = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                    bind(descriptor, generic, size) != 0 || getsockname(descriptor, generic, &size) != 0
                }
            }
            if failed { throw BenchError("no free port on 127.0.0.1") }
            return Int(UInt16(bigEndian: address.sin_port))
        }
        return (ports[0], ports[1])
    }

    /// - Parameter more: TOML behind the common settings.
    /// - Returns: its path.
    @discardableResult func writeConfiguration(_ name: String, _ more: String = "") throws -> String {
        let text = """
            [redis]
            url = "unix:\(servers.socket)"
            [postgres]
            url = "host='\(servers.folder)' user=paidan dbname=paidan"
            [http]
            listen = "127.0.0.1:\(port)"
            [kinds.noop]
            enabled = true
            \(more)

            """
        let path = servers.folder + "/" + name
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// Of the product's API and of the reference's server, on 127.0.0.1.
    let port: Int
    let referencePort: Int

    /// Runs a command of the product to its end.
    @discardableResult func paidan(_ words: String...) throws -> String {
        try Program.run(options.paidan, words + ["--config", servers.folder + "/jobs.conf"], log: servers.log)
    }

    /// Starts the product's service.
    func serve(_ roles: String, configuration: String? = nil, environment: [String: String] = [:]) throws -> Program {
        number += 1
        return try Program(
            options.paidan, ["serve", "--roles", roles, "--config", configuration ?? servers.folder + "/jobs.conf"],
            log: "\(servers.folder)/serve-\(number).log", environment: environment)
    }

    /// Starts a work of the reference program.
    func reference(_ work: String, _ words: [String]) throws -> Program {
        number += 1
        return try Program(
            options.reference, [work, "--redis", servers.socket] + words,
            log: "\(servers.folder)/reference-\(number).log")
    }

    /// What the reference program found, one number a name.
    @discardableResult func result(_ program: Program) throws -> [String: Double] {
        try JSONDecoder().decode([String: Double].self, from: try program.finish())
    }

    /// Empties Redis and enqueues jobs.
    func fill(_ jobs: Int, queue: String = "default", kind: String = "noop", _ more: [String] = []) throws {
        try servers.flushRedis()
        try result(reference("fill", ["--queue", queue, "--kind", kind, "--jobs", "\(jobs)"] + more))
        try servers.compactRedis()
    }

    /// Starts the clock that looks at a queue's counters, and returns when it looks.
    func watch(_ jobs: Int, queue: String = "default") throws -> Program {
        let watch = try reference("watch", ["--queue", queue, "--jobs", "\(jobs)"])
        let log = "\(servers.folder)/reference-\(number).log"
        while watch.isRunning, (try? String(contentsOfFile: log, encoding: .utf8))?.contains("watching") != true {
            Thread.sleep(forTimeInterval: 0.005)
        }
        return watch
    }

    /// Until a worker has opened its session in a queue.
    func waitForSession(queue: String = "default") throws {
        for _ in 0..<400 {
            if try servers.redis("zcard", "paidan:{\(queue)}:sessions") != "0" {
                // It looks into its queues once more, and then waits.
                Thread.sleep(forTimeInterval: 0.5)
                return
            }
            Thread.sleep(forTimeInterval: 0.05)
        }
        throw BenchError("no worker opened a session within 20 s")
    }

    func say(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}
