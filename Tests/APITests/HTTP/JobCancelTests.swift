import Jobs
import JobsPostgres
import Postgres
import Redis
import Testing

@testable import PaidanCommand

/// Cancelling a running job whose effect is in PostgreSQL: whichever receipt commits first is true.
@Suite struct JobCancelTests {
    let kind = "customer.assign"

    /// Two jobs of one batch in the hands of a worker that the service does not know.
    private func running(_ service: TestService) async throws -> [String] {
        var ids: [String] = []
        for _ in 0..<2 {
            let answer = try await service.ask(
                "POST", "/v1/jobs",
                #"{"kind": "\#(kind)", "args": {"customer_ids": [1]}, "queue": "held", "delay_s": 600}"#)
            ids.append(try #require(answer.json["id"].string, "\(answer.text)"))
        }
        let base = "paidan:{held}:"
        let redis = service.composition.redis
        for (slot, id) in ids.enumerated() {
            _ = try await redis.pipeline([
                RedisCommand("ZREM", base + "delayed", id),
                RedisCommand("ZADD", base + "sessions", "9000000000000", "ghost.\(id).1"),
                RedisCommand("HSET", base + "job:" + id, "state", "running", "holder", "\(slot) ghost.\(id).1"),
                RedisCommand("HSET", base + "inflight:ghost.\(id).1", "\(slot)", id),
            ])
        }
        return ids
    }

    @Test func theCancellationWasFirst() async throws {
        let service = try await TestService.shared.value
        let ids = try await running(service)
        let answer = try await service.ask("POST", "/v1/jobs/\(ids[0])/cancel")
        #expect(answer.status == 200 && answer.json["state"].string == "cancelled", "\(answer.text)")
        // The batch's transaction comes later: its effect is for the other one only.
        let kind = kind
        let taken = try await service.composition.pool.transaction { tx in
            try Receipts.take(ids.map { ($0, kind) }, in: &tx)
        }
        #expect(taken == [ids[1]])
        let late = try await service.ask("POST", "/v1/jobs/\(ids[1])/cancel")
        expectProblem(late, 409, "already_done")
        #expect(try await service.job(ids[1], in: "running")["state"].string == "running")
    }

    @Test func theBatchThatIsCommittingIsWaitedFor() async throws {
        let service = try await TestService.shared.value
        let kind = kind
        for commits in [true, false] {
            let ids = try await running(service)
            struct Undone: Error {}
            async let answer = Task {
                // Once the batch holds the receipts, its commit is still to come.
                try await eventuallyHeld(service, ids[0])
                return try await service.ask("POST", "/v1/jobs/\(ids[0])/cancel")
            }.value
            do {
                try await service.composition.pool.transaction { tx in
                    _ = try Receipts.take(ids.map { ($0, kind) }, in: &tx)
                    _ = try tx.query("SELECT pg_sleep(0.5)")
                    if !commits { throw Undone() }
                }
            } catch is Undone {}
            let result = try await answer
            if commits {
                expectProblem(result, 409, "already_done")
            } else {
                #expect(result.status == 200, "\(result.text)")
            }
        }
    }

    /// Waits until some transaction sleeps with its receipts written.
    private func eventuallyHeld(_ service: TestService, _ id: String) async throws {
        for _ in 0..<200 {
            let rows = try await service.composition.pool.query(
                "SELECT count(*)::int FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.5)%' AND pid <> pg_backend_pid()"
            )
            if let row = rows.first, try row.int(0) > 0 { return }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
