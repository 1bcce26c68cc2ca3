import Logging
import Testing

@testable import Jobs

@Suite struct NoopTests {
    private func run(_ args: String) async throws -> Outcome {
        let claim = Claim(id: "1", kind: "noop", queue: "default", args: Array(args.utf8))
        return try #require(try await Kind.noop().run([claim], .detached(logger: Logger(label: "test"))).first)
    }

    /// Nanoseconds of the monotonic clock, as the enqueuer of a latency measurement reads them.
    private var now: Int64 {
        let (seconds, attoseconds) = SuspendingClock().systemEpoch.duration(to: .now).components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    @Test func clockTellsWhenTheHandlerBegan() async throws {
        let before = now
        let outcome = try await run(#"{"clock":true,"sleep_ms":20}"#)
        let after = now
        guard case .done(let result?) = outcome else {
            Issue.record("no result: \(outcome)")
            return
        }
        let text = String(decoding: result, as: UTF8.self)
        let started = try #require(Int64(text.dropFirst(#"{"started_ns":"#.count).dropLast()))
        #expect(text == "{\"started_ns\":\(started)}")
        // Before it slept, not after.
        #expect(started >= before && started <= after - 20_000_000)
        #expect(try await run(#"{"clock":false}"#) == .done())
    }
}
