import JobsPostgres
import Postgres
import TestSupport
import Testing

@Suite("Receipts, outbox, fires and what is pruned of them")
struct StoreTests {
    @Test("of many runs of one job at once exactly one takes the receipt")
    func receipt() async throws {
        try await Story.tell { story in
            try await story.page("CREATE TABLE effect (n int)")
            let taken = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await story.pool.transaction { tx in
                            guard try Receipts.take("job", kind: "noop", in: &tx) else { return false }
                            _ = try tx.query("INSERT INTO effect VALUES (1)")
                            return true
                        }
                    }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(taken == 1)
            #expect(try await story.number("SELECT count(*) FROM effect") == 1)
        }
    }

    @Test("a batch takes what is new; two batches that meet in another order do not deadlock")
    func receipts() async throws {
        try await Story.tell { story in
            let ids = (0..<200).map { "job-\($0)" }
            let taken = try await withThrowingTaskGroup(of: Set<String>.self) { group in
                for turn in 0..<6 {
                    group.addTask {
                        try await story.pool.transaction { tx in
                            try Receipts.take((turn % 2 == 0 ? ids : ids.reversed()).map { ($0, "noop") }, in: &tx)
                        }
                    }
                }
                return try await group.reduce(into: [String]()) { $0 += $1 }
            }
            #expect(taken.sorted() == ids.sorted())
            #expect(story.pool.statistics.retries == 0)
        }
    }

    @Test("a cancel and a run: whichever receipt commits first is true")
    func cancelled() async throws {
        try await Story.tell { story in
            try await story.pool.transaction { tx in
                let first = try Receipts.take("a", kind: "noop", outcome: .cancelled, in: &tx)
                let second = try Receipts.take("a", kind: "noop", in: &tx)
                let outcomes = [try Receipts.outcome(of: "a", in: &tx), try Receipts.outcome(of: "b", in: &tx)]
                #expect(first && !second)
                #expect(outcomes == [.cancelled, nil])
            }
        }
    }

    @Test("outbox rows keep their arguments byte for byte, get an id each, and vanish with the transaction")
    func outbox() async throws {
        try await Story.tell { story in
            let args = Array(#"{ "a":1e400, "b":[] ,"名":"\u4e00" }"#.utf8)
            let ids = try await story.pool.transaction { tx in
                try Outbox.append(
                    [
                        OutboxJob(
                            kind: "one", args: args, queue: "bulk", key: "k", delay: .seconds(90), maxAttempts: 3),
                        OutboxJob(kind: "two", traceparent: "00-1-2-3"),
                    ], in: &tx)
            }
            #expect(ids.count == 2 && ids[0] != ids[1])
            let rows = try await story.page(
                """
                SELECT args, queue, key, extract(epoch FROM run_at - created_at)::int, max_attempts, traceparent
                FROM paidan.outbox ORDER BY array_position(\(ids)::uuid[], id)
                """)
            let kept = try rows[0].utf8(0)
            let numbers = [try rows[0].int(3), try rows[0].int(4)]
            #expect(kept == args)
            #expect(rows[0].optionalText(1) == "bulk" && rows[0].optionalText(2) == "k")
            #expect(numbers == [90, 3])
            #expect(rows[1].isNull(1) && rows[1].isNull(3) && rows[1].optionalText(5) == "00-1-2-3")
            struct Undo: Error {}
            await #expect(throws: Undo.self) {
                try await story.pool.transaction { tx in
                    try Outbox.append([OutboxJob(kind: "three")], in: &tx)
                    throw Undo()
                }
            }
            #expect(try await story.number("SELECT count(*) FROM paidan.outbox") == 2)
        }
    }

    @Test("a fire is claimed once, whoever sees it first")
    func fires() async throws {
        try await Story.tell { story in
            let fired = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<10 {
                    group.addTask {
                        try await story.pool.transaction {
                            try ScheduleRuns.fire(name: "sweep", at: 1_000_500, in: &$0)
                        }
                    }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(fired == 1)
            try await story.pool.transaction { tx in
                let last = try ScheduleRuns.last(of: ["sweep", "other"], in: &tx)
                #expect(last == ["sweep": 1_000_500])
            }
        }
    }

    @Test("sent rows without a receipt can be sent again; a receipt or an old age ends that")
    func resend() async throws {
        try await Story.tell { story in
            let ids = try await story.pool.transaction { tx in
                let ids = try Outbox.append((0..<4).map { OutboxJob(kind: "k\($0)") }, in: &tx)
                _ = try tx.query("UPDATE paidan.outbox SET sent_at = now() - interval '1 minute' WHERE kind <> 'k3'")
                _ = try tx.query("UPDATE paidan.outbox SET sent_at = now() - interval '2 days' WHERE kind = 'k2'")
                _ = try Receipts.take(ids[0], kind: "k0", in: &tx)
                return ids
            }
            #expect(try await story.pool.transaction { try Outbox.resend(in: &$0) } == 1)
            let waiting = try await story.page("SELECT id::text FROM paidan.outbox WHERE sent_at IS NULL ORDER BY seq")
                .map { row in try row.text(0) }
            #expect(waiting == [ids[1], ids[3]])
        }
    }

    @Test("pruned in steps: receipts of 60 days, outbox rows after their receipt, never the newest fire")
    func pruned() async throws {
        try await Story.tell { story in
            try await story.page(
                """
                INSERT INTO paidan.outbox (kind, sent_at)
                SELECT 'old', now() - interval '2 days' FROM generate_series(1, 25)
                UNION ALL SELECT 'open', now() - interval '2 days' UNION ALL SELECT 'older', now() - interval '61 days'
                UNION ALL SELECT 'new', now() UNION ALL SELECT 'waiting', NULL
                """)
            try await story.page(
                "INSERT INTO paidan.job_receipt (job_id, kind) SELECT id::text, kind FROM paidan.outbox WHERE kind IN ('old', 'new')"
            )
            try await story.page(
                """
                INSERT INTO paidan.job_receipt (job_id, kind, at)
                SELECT 'r' || n, 'x', now() - interval '61 days' FROM generate_series(1, 25) n
                """)
            try await story.page(
                "INSERT INTO paidan.schedule_run VALUES ('s', now() - interval '90 days'), ('s', now() - interval '70 days')"
            )
            var retention = Retention()
            retention.step = 10
            #expect(try await retention.prune(story.pool) == 25 + 1 + 25 + 1)
            #expect(
                try await story.text("SELECT string_agg(kind, ' ' ORDER BY kind) FROM paidan.outbox")
                    == "new open waiting")
            #expect(try await story.number("SELECT count(*) FROM paidan.job_receipt") == 26)
            #expect(try await story.number("SELECT count(*) FROM paidan.schedule_run") == 1)
            #expect(try await retention.prune(story.pool) == 0)
        }
    }
}
