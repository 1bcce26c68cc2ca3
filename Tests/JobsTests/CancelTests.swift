import Logging
import OwnerThread
import Testing

@testable import Jobs

/// Cancelling some claims of one handler call.
@Suite struct CancelTests {
    let logger = Logger(label: "test")

    func runner() -> HandlerRunner {
        HandlerRunner(snooze: .seconds(1), isInfrastructure: { _ in false }, metrics: JobMetrics(KindRegistry([])))
    }

    func claims(_ ids: [String]) -> [Claim] { ids.map { Claim(id: $0, kind: "k", queue: "q", args: []) } }

    /// Runs a handler in a table as the pool does, cancels ids when it has begun, and returns how it ended.
    func run(_ ids: [String], cancel: [[String]], _ kind: Kind, begun: Probe) async -> HandlerRunner.Result {
        let state = RunState(deadline: .now + .seconds(60))
        let claims = claims(ids)
        let (logger, runner) = (logger, runner())
        let (results, sink) = AsyncStream.makeStream(of: HandlerRunner.Result.self)
        let task = Task {
            let context = JobContext(logger: logger, board: ProgressBoard(), claims: claims) { _ in }
            sink.yield(await runner.run(kind, claims, context, state))
        }
        var table = RunTable()
        table.insert(RunTable.Run(kind: "k", claims: claims, queue: 0, session: 1, state: state, task: task))
        await begun.wait()
        for ids in cancel { table.cancel(Set(ids.map { Cancellation(queue: "q", slot: 0, id: $0) })) }
        var all = results.makeAsyncIterator()
        return await all.next() ?? HandlerRunner.Result()
    }

    /// Something that happens once.
    final class Probe: Sendable {
        private let (events, sink) = AsyncStream.makeStream(of: Void.self)
        func note() { sink.yield() }
        func wait() async { for await _ in events { return } }
    }

    @Test func theOthersRunAgain() async {
        let begun = Probe()
        let kind = Kind.raw("k", size: 8) { claims, _ in
            begun.note()
            try await Task.sleep(for: .seconds(600))
            return claims.map { _ in .done() }
        }
        let result = await run(["a", "b", "c"], cancel: [["b"]], kind, begun: begun)
        #expect(result.settlements.isEmpty && result.rerun.map(\.id) == ["a", "c"] && !result.trouble)
    }

    @Test func allOfThemEndIt() async {
        let begun = Probe()
        let kind = Kind.raw("k", size: 8) { claims, _ in
            begun.note()
            do { try await Task.sleep(for: .seconds(600)) } catch { throw JobError(code: "x", message: "") }
            return claims.map { _ in .done() }
        }
        let result = await run(["a", "b"], cancel: [["a", "b"]], kind, begun: begun)
        #expect(result.settlements.isEmpty && result.rerun.isEmpty)
    }

    @Test func aHandlerThatWasFasterHasItsOutcomes() async {
        let (begun, goOn) = (Probe(), Probe())
        let kind = Kind.raw("k", size: 8) { claims, _ in
            begun.note()
            // Does not hear of its cancellation: its transaction commits.
            await Task { await goOn.wait() }.value
            return claims.map { _ in .done() }
        }
        goOn.note()
        let result = await run(["a", "b"], cancel: [["b"]], kind, begun: begun)
        #expect(result.rerun.isEmpty)
        #expect(result.settlements.map(\.id).first == "a")
    }

    @Test func oneAtATimeOnlyTheOneInHandIsInterrupted() async {
        let begun = Probe()
        let ran = Lock([String]())
        let kind = Kind.raw("k", size: 8) { claims, _ in
            if claims.count > 1 { throw JobError(code: "batch", message: "no") }
            ran.withLock { $0.append(claims[0].id) }
            if claims[0].id == "b" {
                begun.note()
                try await Task.sleep(for: .seconds(600))
            }
            return claims.map { _ in .done() }
        }
        // c has not begun: it is left out and nothing is interrupted; then b is, and d runs again in another task.
        let result = await run(["a", "b", "c", "d"], cancel: [["c"], ["b"]], kind, begun: begun)
        #expect(result.settlements.map(\.id) == ["a"] && result.rerun.map(\.id) == ["d"])
        #expect(ran.withLock { $0 } == ["a", "b"])
    }
}
