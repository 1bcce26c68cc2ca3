import Foundation
import Glibc
import OwnerThread
import Subprocess
import SystemPackage
import Testing

/// A running `paidan serve`.
final class Served: Sendable {
    private let log: String
    private let process: pid_t
    private let status: Lock<TerminationStatus?>

    private init(log: String, process: pid_t, status: Lock<TerminationStatus?>) {
        self.log = log
        self.process = process
        self.status = status
    }

    /// Starts it and waits until it works.
    static func start(
        _ installation: Installation, roles: String = "worker,scheduler", environment: [String: String] = [:]
    ) async throws -> Served {
        let log = installation.folder + "/serve-\(UInt32.random(in: 0...UInt32.max)).log"
        let descriptor = try FileDescriptor.open(
            FilePath(log), .writeOnly, options: [.create, .append], permissions: .ownerReadWrite)
        let status = Lock<TerminationStatus?>(nil)
        let started = OneShot<pid_t, any Error>()
        Task {
            do {
                let result = try await run(
                    .name("setpriv"),
                    arguments: ["--pdeathsig=KILL", Installation.program, "serve", "--roles", roles],
                    environment: Installation.surroundings(environment),
                    workingDirectory: FilePath(installation.folder), input: .none, output: .discarded,
                    error: .fileDescriptor(descriptor, closeAfterSpawningProcess: true)
                ) { started.answer(.success($0.processIdentifier.value)) }
                status.withLock { $0 = result.terminationStatus }
            } catch {
                started.answer(.failure(error))
            }
        }
        let served = Served(log: log, process: try await started.value(), status: status)
        try await served.logs(roles.contains("api") ? "\"listening\"" : "\"started\"")
        return served
    }

    deinit { send(SIGKILL) }

    var text: String { String(decoding: (try? Data(contentsOf: URL(filePath: log))) ?? Data(), as: UTF8.self) }

    /// `HOST:PORT` where it listens.
    var address: String {
        get throws {
            let line = text.split(separator: "\n").first { $0.contains("\"listening\"") } ?? ""
            guard let match = line.firstMatch(of: /"port":"?(\d+)/) else { throw Unexpected("no port in \(line)") }
            return "127.0.0.1:\(match.1)"
        }
    }

    func logs(_ part: String) async throws {
        try await eventually("the log says \(part)") {
            if text.contains(part) { return true }
            if status.withLock({ $0 != nil }) { throw Unexpected("serve has ended: \(text)") }
            return false
        }
    }

    func send(_ signal: CInt) {
        if status.withLock({ $0 == nil }) { kill(process, signal) }
    }

    /// Ends it with SIGTERM and expects the exit code 0.
    func stop(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        send(SIGTERM)
        #expect(try await ended() == .exited(0), "\(text)", sourceLocation: sourceLocation)
    }

    func ended() async throws -> TerminationStatus? {
        try await eventually("the service has ended") { status.withLock { $0 != nil } }
        return status.withLock { $0 }
    }
}
