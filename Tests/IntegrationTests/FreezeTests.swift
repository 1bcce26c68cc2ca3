import Postgres
import TestSupport
import Testing

@Suite("A worker that freezes past its lease")
struct FreezeTests {
    static let lines = [
        "claimed:customer.assign", "claimed:import.batch", "checkpointed:import.batch/2", "popped",
        "acknowledging:customer.assign", "publishing:assigned", "sent:mail",
    ]

    @Test("another goes on, and the one that comes back does no harm", arguments: lines)
    func freeze(_ line: String) async throws {
        try await World.with { world in
            let door = try await world.serve("api,scheduler")
            let frozen = try await world.serve("worker", crashAt: line + "!stop")
            let (first, second) = (Sheet(rows: 200), Sheet(rows: 120, first: 20_000_000))
            let a = try await world.upload(first.csv, to: door)
            try await until("the first import is done, or the worker frozen", within: .seconds(30)) {
                let isDone = try await world.count(
                    "SELECT count(*) FROM paidan.import_batch WHERE id = \(a) AND state = 'done'")
                return isDone > 0 || frozen.process.isFrozen
            }
            let b = try await world.upload(second.csv, to: door)
            try await until("the worker freezes at \(line)", within: .seconds(30)) { frozen.process.isFrozen }
            _ = try await world.serve("worker")
            try await world.rest()
            try await world.check([a: first, b: second])

            frozen.process.signal(ChildProcess.thaw)
            try await until("it knows that it lost its session", within: .seconds(20)) {
                frozen.process.log.contains("session lost")
            }
            let third = Sheet(rows: 80, first: 30_000_000)
            let c = try await world.upload(third.csv, to: door)
            try await world.rest()
            try await world.check([a: first, b: second, c: third])
            #expect(frozen.process.end == nil)
        }
    }
}
