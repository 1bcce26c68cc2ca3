internal import Glibc
internal import OwnerThread
internal import Subprocess
internal import SystemPackage

/// A program of its own process, whose standard error goes to a file; ended by the kernel with this process.
public final class ChildProcess: Sendable {
    public enum End: Sendable, Equatable {
        case exited(Int32)
        case signalled(Int32)
    }

    public static let kill: Int32 = SIGKILL
    public static let terminate: Int32 = SIGTERM
    public static let freeze: Int32 = SIGSTOP
    public static let thaw: Int32 = SIGCONT

    /// What it wrote to standard error so far.
    public var log: String { readText(path) }
    public let pid: Int32
    private let path: String
    private let task: Task<End, any Error>
    private let ended: Lock<End?>

    /// - Parameters:
    ///   - path: of the program.
    ///   - environment: on top of this process's own.
    ///   - log: path of the file for standard error, which is made anew.
    public static func start(
        _ path: String, _ arguments: [String], environment: [String: String] = [:], log: String
    ) async throws -> ChildProcess {
        let file = try FileDescriptor.open(
            FilePath(log), .writeOnly, options: [.create, .truncate, .append], permissions: [.ownerReadWrite])
        let started = OneShot<pid_t, any Error>()
        let ended = Lock<End?>(nil)
        let changes = Dictionary(
            uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0.key), String?.some($0.value)) })
        let task = Task { () async throws -> End in
            do {
                let result = try await run(
                    .name("setpriv"), arguments: Arguments(["--pdeathsig=KILL", path] + arguments),
                    environment: .inherit.updating(changes), input: .none, output: .discarded,
                    error: .fileDescriptor(file, closeAfterSpawningProcess: true)
                ) { started.answer(.success($0.processIdentifier.value)) }
                let end: End =
                    switch result.terminationStatus {
                    case .exited(let code): .exited(code)
                    case .signaled(let number): .signalled(number)
                    }
                ended.withLock { $0 = end }
                return end
            } catch {
                started.answer(.failure(error))
                throw error
            }
        }
        return ChildProcess(pid: try await started.value(), path: log, task: task, ended: ended)
    }

    private init(pid: pid_t, path: String, task: Task<End, any Error>, ended: Lock<End?>) {
        self.pid = pid
        self.path = path
        self.task = task
        self.ended = ended
    }

    deinit { signal(Self.kill) }

    /// Nil while it runs.
    public var end: End? { ended.withLock { $0 } }

    public func signal(_ number: Int32) {
        // The number may have gone to another process by now.
        if end == nil { Glibc.kill(pid, number) }
    }

    /// True while it is stopped by a signal.
    public var isFrozen: Bool { readText("/proc/\(pid)/stat").contains(") T ") }

    /// Waits for its end.
    @discardableResult public func finish() async throws -> End { try await task.value }
}

/// The beginning (16 MiB) of a text file, "" if it cannot be read.
func readText(_ path: String) -> String {
    guard let file = unsafe fopen(path, "r") else { return "" }
    defer { unsafe fclose(file) }
    var text: [UInt8] = []
    var bytes = [UInt8](repeating: 0, count: 65536)
    while text.count < 16 << 20 {
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        if count == 0 { break }
        text += bytes.prefix(count)
    }
    return String(decoding: text, as: UTF8.self)
}
