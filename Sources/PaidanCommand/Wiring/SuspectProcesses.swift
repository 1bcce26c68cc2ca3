import Foundation
import Glibc
import Jobs
import Subprocess
import SystemPackage

/// Runs suspects in this program, started again: a crash takes that process with it, and not the service.
struct SuspectProcesses: SuspectHost {
    /// What is in force now.
    let configuration: @Sendable () -> ConfText
    /// How long a stop waits for the job in hand.
    let drain: Duration

    /// The supervisor's own matters, which are this process's alone.
    private static let notPassedOn: [Environment.Key: String?] = [
        "NOTIFY_SOCKET": nil, "WATCHDOG_USEC": nil, "WATCHDOG_PID": nil,
    ]

    func run(queue: String, started: @escaping @Sendable (SuspectProcess) -> Void) async throws -> SuspectEnd {
        let parent = ProcessInfo.processInfo.processIdentifier
        var options = PlatformOptions()
        // Its own drain time ends it before that.
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: drain + .seconds(2))]
        let result = try await Subprocess.run(
            // The file that runs, even if another has taken its place since.
            .path(FilePath("/proc/\(parent)/exe")),
            arguments: Arguments(
                executablePathOverride: "paidan",
                remainingValues: [
                    "suspects", "--queue", queue, "--parent", "\(parent)", "--config", "/dev/stdin",
                ]),
            environment: .inherit.updating(Self.notPassedOn), platformOptions: options,
            // By a pipe: it may hold secrets, and the file may have changed since.
            input: .string(configuration().text), output: .discarded,
            error: .fileDescriptor(.standardError, closeAfterSpawningProcess: false)
        ) { execution in
            let pid = execution.processIdentifier.value
            started(SuspectProcess(pid: Int(pid), quiet: { kill(pid, SIGTSTP) }))
        }
        return switch result.terminationStatus {
        case .exited(let code): .exited(Int(code))
        case .signaled(let number): .signalled(Int(number))
        }
    }
}
