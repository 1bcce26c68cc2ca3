import Foundation
import Postgres
import TestSupport
import Testing

/// Each line of the crash table, and each arrow of the assignment: the process is killed there and started again.
@Suite("Killed at a named line")
struct CrashPointTests {
    static let points = [
        "claimed:import.batch", "claimed:customer.assign", "claimed:notify.send", "checkpointed:import.batch",
        "checkpointed:import.batch/3", "acknowledging:import.batch", "acknowledging:customer.assign",
        "acknowledging:notify.send", "enqueued:import.batch", "enqueued:customer.assign", "enqueued:notify.send",
        "popped", "telling", "telling/2", "publishing:import_finished", "publishing:assigned", "sending:mail",
        "sent:mail", "sent:wecom",
    ]

    @Test("every effect once, every message at least once", arguments: points)
    func crash(_ point: String) async throws {
        try await World.with { world in
            let door = try await world.serve("api")
            let doomed = try await world.serve("worker,scheduler", crashAt: point)
            let (first, second) = (Sheet(rows: 200), Sheet(rows: 120, first: 20_000_000))
            let a = try await world.upload(first.csv, to: door)
            // The second import meets a seller list that holds something.
            try await until("the first import is done, or the process dead", within: .seconds(30)) {
                let isDone = try await world.count(
                    "SELECT count(*) FROM paidan.import_batch WHERE id = \(a) AND state = 'done'")
                return isDone > 0 || doomed.process.end != nil
            }
            let b = try await world.upload(second.csv, to: door)
            try await until("the process dies at \(point)", within: .seconds(30)) { doomed.process.end != nil }
            #expect(doomed.process.end == .signalled(ChildProcess.kill))
            #expect(doomed.process.log.contains("crash point \(point)"))
            FileHandle.standardError.write(Data("hit: \(point)\n".utf8))

            _ = try await world.serve("worker,scheduler")
            try await world.rest()
            try await world.check([a: first, b: second])
            if point == "sent:mail" {
                #expect(world.messageIDs.count > Set(world.messageIDs).count, "the unknown mail is sent once more")
            }
        }
    }

    @Test("a door that is killed after it has taken a sheet has taken it")
    func door() async throws {
        try await World.with { world in
            let service = try await world.serve()
            let sheet = Sheet(rows: 100)
            let id = try await world.upload(sheet.csv, to: service)
            try await service.kill()
            _ = try await world.serve()
            try await world.rest()
            try await world.check([id: sheet])
        }
    }
}
