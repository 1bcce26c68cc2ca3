internal import Glibc
internal import Subprocess
internal import SystemPackage

/// A network of its own on this machine: interfaces, routes and ports that nobody outside of it sees.
///
/// It lives as long as the process that holds it, which the kernel ends with this one: nothing is left behind, and no
/// name of it is written anywhere. Needs root, or CAP_SYS_ADMIN and CAP_NET_ADMIN.
public final class NetworkNamespace: Sendable {
    private let holder: ChildProcess

    /// - Throws: ``ServerError`` that says what the machine does not allow.
    public init(_ name: String) async throws {
        let log = PrivateServers.folder + "/net-\(name)-\(UInt32.random(in: 0...UInt32.max))"
        let own = Self.link("/proc/self/ns/net")
        let holder = try await ChildProcess.start("unshare", ["--net", "--mount", "sleep", "infinity"], log: log)
        self.holder = holder
        for _ in 0..<2000 {
            if holder.end != nil { break }
            let link = Self.link("/proc/\(holder.pid)/ns/net")
            if !link.isEmpty, link != own, readText("/proc/\(holder.pid)/comm") == "sleep\n" { return }
            try await Task.sleep(for: .milliseconds(2))
        }
        throw ServerError(
            message: """
                This machine does not let the tests make network namespaces (\(holder.log)). Run them as root, in a container \
                with CAP_SYS_ADMIN and CAP_NET_ADMIN (docker run --privileged).
                """)
    }

    /// Names the namespace in `ip link … netns PID`.
    public var pid: Int32 { holder.pid }

    /// The program and arguments that run `command` in here.
    public func entering(_ command: [String]) -> [String] { ["nsenter", "--net=/proc/\(pid)/ns/net"] + command }

    /// Runs a program in here to its end.
    ///
    /// - Returns: how it ended, and what it wrote to standard output (4 MiB at most) and standard error.
    public func run(_ command: [String], input: [UInt8] = []) async throws -> (
        code: Int32, output: String, error: String
    ) {
        let words = entering(command)
        let result = try await Subprocess.run(
            .name(words[0]), arguments: Arguments(Array(words.dropFirst())), input: .array(input),
            output: .string(limit: 4 << 20), error: .string(limit: 65536))
        let code: Int32 =
            switch result.terminationStatus {
            case .exited(let code): code
            case .signaled(let number): -number
            }
        return (code, result.standardOutput, result.standardError)
    }

    /// Runs a shell script in here.
    ///
    /// - Throws: ``ServerError`` with what it wrote, if it fails.
    public func script(_ text: String) async throws {
        let result = try await run(["sh", "-euc", text])
        guard result.code == 0 else {
            throw ServerError(
                message: "setting a network namespace up failed (is CAP_NET_ADMIN missing?): \(result.error)")
        }
    }

    public func remove() { holder.signal(ChildProcess.kill) }

    private static func link(_ path: String) -> String {
        var bytes = [CChar](repeating: 0, count: 64)
        let count = unsafe readlink(path, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self) : ""
    }
}
