internal import Glibc
internal import OwnerThread
internal import Subprocess
internal import SystemPackage

/// A Redis of one test's own, to be killed, frozen and started again on the same socket and port.
///
/// The kernel ends it with the test process at the latest; `stop()` ends it sooner.
public final class PrivateRedis: Sendable {
    /// Path of the unix socket.
    public let socket: String
    /// TCP port on 127.0.0.1.
    public let port: Int
    /// Where an append-only file goes; it survives `stop()`.
    private let folder: String
    private let arguments: [String]
    private let running = Lock<pid_t?>(nil)

    /// - Parameter arguments: further server options, as in `["--requirepass", "secret"]`.
    public static func start(_ arguments: [String] = []) async throws -> PrivateRedis {
        let server = PrivateRedis(arguments)
        try await server.start()
        return server
    }

    private init(_ arguments: [String]) {
        port = ServerPorts.next()
        folder = PrivateServers.folder + "/redis-\(port)"
        unsafe mkdir(folder, 0o755)
        socket = folder + "/redis.sock"
        self.arguments = arguments
    }

    deinit { stop() }

    /// Starts it (again) and waits until it answers.
    public func start() async throws {
        let arguments =
            ["--pdeathsig=KILL", "redis-server", "--bind", "127.0.0.1", "--port", "\(port)"]
            + [
                "--dir", folder, "--unixsocket", socket, "--save", "", "--appendonly", "no", "--enable-debug-command",
                "yes",
            ]
            + self.arguments
        let started = OneShot<pid_t, any Error>()
        Task {
            do {
                _ = try await run(
                    .name("setpriv"), arguments: Arguments(arguments), input: .none, output: .discarded,
                    error: .discarded
                ) { started.answer(.success($0.processIdentifier.value)) }
            } catch {
                started.answer(.failure(error))
            }
        }
        let process = try await started.value()
        running.withLock { $0 = process }
        for _ in 0..<2000 {
            let answer = try await run(
                .name("redis-cli"), arguments: ["-s", socket, "ping"], output: .string(limit: 4096),
                error: .discarded)
            // NOAUTH is an answer, too.
            if answer.standardOutput.contains("PONG") || answer.standardOutput.contains("NOAUTH") { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw ServerError(message: "redis-server did not start on port \(port)")
    }

    /// Ends it at once, like a crash. What it held is gone.
    public func stop() {
        running.withLock { process in
            if let process { kill(process, SIGKILL) }
            process = nil
        }
    }

    /// Copies the append-only file as it is now.
    public func keepCopy() async throws {
        try await copy(from: folder + "/appendonlydir", to: folder + "/copy")
    }

    /// Puts the kept copy in the place of the append-only file, as a restore from a backup does. Not while it runs.
    public func restoreCopy() async throws {
        try await copy(from: folder + "/copy", to: folder + "/appendonlydir")
    }

    private func copy(from: String, to: String) async throws {
        for arguments: Arguments in [["rm", "-rf", to], ["cp", "-a", from, to]] {
            let result = try await run(
                .name("env"), arguments: arguments, output: .discarded, error: .string(limit: 4096))
            guard result.terminationStatus.isSuccess else { throw ServerError(message: result.standardError) }
        }
    }

    /// The server stops answering; its sockets stay open.
    public func freeze() { signal(SIGSTOP) }

    public func thaw() { signal(SIGCONT) }

    private func signal(_ number: Int32) {
        running.withLock { process in
            if let process { kill(process, number) }
        }
    }
}

/// TCP ports on 127.0.0.1 for servers that are started again on theirs.
///
/// Below those that the kernel gives to clients (32768 and up): one of them would have the port while the server is down.
private enum ServerPorts {
    private static let range = 20_000..<32_000
    private static let last = Lock(range.lowerBound + Int(getpid()) * 61 % range.count)

    /// One that nobody listens on, and that this process has not given before.
    static func next() -> Int {
        last.withLock { last in
            repeat { last = last + 1 < range.upperBound ? last + 1 : range.lowerBound } while !isFree(last)
            return last
        }
    }

    private static func isFree(_ port: Int) -> Bool {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(descriptor, generic, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
