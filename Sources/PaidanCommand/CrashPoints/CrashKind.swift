#if DEBUG
import Foundation
import Jobs

/// A job that takes its process with it, as a fault in a C library or a lack of memory would.
enum CrashKind {
    private struct Arguments: Decodable, Sendable {
        /// How long it runs before.
        let sleep: Int?

        private enum CodingKeys: String, CodingKey { case sleep = "sleep_ms" }
    }

    static let kind = Kind.single("debug.crash", arguments: Arguments.self) { _, arguments, _ in
        try await Task.sleep(for: .milliseconds(arguments.sleep ?? 0))
        kill(getpid(), SIGKILL)
        return .done()
    }
}
#endif
