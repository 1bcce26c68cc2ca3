import Foundation
import Jobs
import OwnerThread
import Postgres
import TestSupport
import Testing

@testable import CRM

@Suite("The sweep") struct SweepTests {
    private struct Killed: Error {}

    @Test("many batches, the record, the audit; a second run finds nothing")
    func batches() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-30 00:05")
            let threes = try await lab.customers(23, of: 1, received: "2018-05-19")
            try await lab.customers(12, of: 2, received: "2018-05-01", followed: "2018-05-29")
            let kept = try await lab.customers(9, of: 3, received: "2018-05-27")
            #expect(
                try await lab.sweep(SweepArguments(), lab.job(batch: 5, most: 10))
                    == #"{"as_of":"2018-05-30","3":23,"4":12}"#)
            #expect(try await lab.story(threes[22]) == "1:3:2018-05-23 | public 2018-05-23")
            #expect(try await lab.story(kept[0]) == "3:1 | private")
            #expect(try await lab.sweep() == #"{"as_of":"2018-05-30","3":0,"4":0}"#)
            let record = try await lab.text(
                "SELECT concat_ws(' ', as_of, runs, expired_3, expired_4, finished_at IS NOT NULL) FROM paidan.sweep_run"
            )
            #expect(record == "2018-05-30 2 23 12 t")
            let audited = try await lab.text(
                """
                SELECT concat_ws(' ', actor, before, after) FROM paidan.audit_log
                WHERE action = 'customer.expire' AND entity = 'crm_customer' AND entity_id = \("\(threes[0])")
                """)
            let before = #"{"pool_since": null, "consultant_id": 1}"#
            let after =
                #"{"status": 3, "ended_on": "2018-05-23", "pool_since": "2018-05-23", "consultant_id": null}"#
            #expect(audited == "job:sweep-1 \(before) \(after)")
            #expect(
                try await lab.count("SELECT count(*) FROM paidan.audit_log WHERE action = 'customer.expire'") == 35)
        }
    }

    @Test("as of a day before: judged by that day; before an earlier sweep there is nothing")
    func earlier() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-06-10 12:00")
            let first = try await lab.customers(received: "2018-05-19")[0]
            let second = try await lab.customers(received: "2018-05-25")[0]
            #expect(
                try await lab.sweep(SweepArguments(asOf: "2018-05-23")) == #"{"as_of":"2018-05-23","3":1,"4":0}"#)
            #expect(try await lab.story(first) == "1:3:2018-05-23 | public 2018-05-23")
            #expect(try await lab.story(second) == "1:1 | private")
            #expect(
                try await lab.sweep(SweepArguments(asOf: "2018-05-22")) == #"{"as_of":"2018-05-22","3":0,"4":0}"#)
            #expect(try await lab.sweep() == #"{"as_of":"2018-06-10","3":1,"4":0}"#)
            #expect(try await lab.story(second) == "1:3:2018-05-29 | public 2018-05-29")
        }
    }

    @Test("a day that has not come is dead at once, and changes nothing; a dry run looks ahead")
    func future() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-20 12:00")
            try await lab.customers(2, received: "2018-05-19")
            #expect(try await lab.sweep(SweepArguments(asOf: "2018-05-21")) == "dead future_as_of")
            #expect(try await lab.count("SELECT count(*) FROM paidan.sweep_run") == 0)
            #expect(
                try await lab.sweep(SweepArguments(asOf: "2018-05-23", isDryRun: true))
                    == #"{"as_of":"2018-05-23","3":2,"4":0}"#)
            #expect(try await lab.count("SELECT count(*) FROM crm_customer WHERE pool_state = 'private'") == 2)
        }
    }

    @Test("killed between two batches, it goes on; its result counts both halves, its sellers are told once")
    func killed() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-23 00:05")
            try await lab.customers(20, received: "2018-05-19")
            let left = Lock(2)
            let dying = lab.job(batch: 5) {
                try left.withLock { left in
                    left -= 1
                    if left == 0 { throw Killed() }
                }
            }
            await #expect(throws: Killed.self) { try await lab.sweep(SweepArguments(), dying, id: "one") }
            #expect(try await lab.count("SELECT count(*) FROM crm_customer WHERE pool_state = 'private'") == 10)
            #expect(try await lab.events("expired").isEmpty)
            // On the next day: the job keeps the day on which it began.
            try await lab.at("2018-05-24 00:05")
            #expect(try await lab.sweep(id: "one") == #"{"as_of":"2018-05-23","3":20,"4":0}"#)
            #expect(try await lab.sweep(id: "one") == #"{"as_of":"2018-05-23","3":20,"4":0}"#)
            #expect(try await lab.count("SELECT sum(runs) FROM paidan.sweep_run") == 1)
            let events = try await lab.events("expired")
            #expect(events.count == 1)
            #expect(events.first?.hasPrefix("user:1 20 20/0 客1,客2,") == true)
        }
    }

    @Test("cancelled between two batches, it stops there; what it did stays, and is told of by the next")
    func cancelled() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-23 00:05")
            try await lab.customers(20, received: "2018-05-19")
            let task = Lock<Task<String, any Error>?>(nil)
            let job = lab.job(batch: 5) { task.withLock { $0?.cancel() } }
            let running = task.withLock { task in
                let running = Task { try await lab.sweep(SweepArguments(), job, id: "one") }
                task = running
                return running
            }
            await #expect(throws: CancellationError.self) { _ = try await running.value }
            #expect(try await lab.count("SELECT count(*) FROM crm_customer WHERE pool_state = 'private'") == 15)
            #expect(try await lab.sweep() == #"{"as_of":"2018-05-23","3":15,"4":0}"#)
            #expect(try await lab.events("expired").first?.hasPrefix("user:1 20 20/0") == true)
        }
    }

    @Test("two at once, and pages that write meanwhile: each customer once, none skipped")
    func together() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-23 00:05")
            let ids = try await lab.customers(300, received: "2018-05-19")
            async let first = lab.sweep(SweepArguments(), lab.job(batch: 7))
            async let second = lab.sweep(SweepArguments(), lab.job(batch: 11))
            async let third: Void = {
                for id in ids.shuffled().prefix(60) { try await lab.note(id, by: 1) }
            }()
            _ = try await (first, second, third)
            #expect(
                try await lab.count(
                    "SELECT count(*) FROM crm_customerdistribution WHERE status = 3 AND ended_on = '2018-05-23'") == 300
            )
            let twice = try await lab.count(
                "SELECT count(*) - count(DISTINCT entity_id) FROM paidan.audit_log WHERE action = 'customer.expire'")
            #expect(twice == 0)
            #expect(try await lab.count("SELECT sum((payload ->> 'count')::int) FROM paidan.event") == 300)
        }
    }

    @Test("a customer that somebody has locked is passed over first and waited for in the end, not skipped")
    func locked() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-23 00:05")
            let ids = try await lab.customers(20, received: "2018-05-19")
            let isHeld = OneShot<Void, any Error>()
            let release = Lock(false)
            let holder = Task {
                try await lab.service { tx in
                    _ = try tx.query("SELECT FROM crm_customer WHERE id = \(ids[3])::bigint FOR NO KEY UPDATE")
                    isHeld.answer(.success(()))
                    while !release.withLock({ $0 }) { _ = try tx.query("SELECT pg_sleep(0.01)") }
                }
            }
            try await isHeld.value()
            let batches = Lock(0)
            let sweep = Task {
                try await lab.sweep(SweepArguments(), lab.job(batch: 5) { batches.withLock { $0 += 1 } })
            }
            try await eventually("the others are swept") {
                try await lab.count("SELECT count(*) FROM crm_customer WHERE pool_state = 'private'") == 1
                    && batches.withLock { $0 } == 4
            }
            try await eventually("the sweep waits for the lock") {
                try await lab.count(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                ) == 1
            }
            release.withLock { $0 = true }
            try await holder.value
            #expect(try await sweep.value == #"{"as_of":"2018-05-23","3":20,"4":0}"#)
            #expect(try await lab.story(ids[3]) == "1:3:2018-05-23 | public 2018-05-23")
        }
    }

    @Test("what is followed up while the sweep waits for it stays")
    func savedMeanwhile() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-23 00:05")
            let id = try await lab.customers(received: "2018-05-19")[0]
            let isHeld = OneShot<Void, any Error>()
            let holder = Task {
                try await lab.service { tx in
                    // As a manager's protection does.
                    _ = try tx.query(
                        "UPDATE crm_customer SET protected_until = '2018-06-01' WHERE id = \(id)::bigint")
                    isHeld.answer(.success(()))
                    _ = try tx.query("SELECT pg_sleep(0.3)")
                }
            }
            try await isHeld.value()
            #expect(try await lab.sweep() == #"{"as_of":"2018-05-23","3":0,"4":0}"#)
            try await holder.value
            #expect(try await lab.story(id) == "1:1 | private")
        }
    }

    @Test("odd dates of pages: received in the future, followed up before it was received")
    func oddDates() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-23 00:05")
            let future = try await lab.customers(received: "2018-07-01", followed: "2018-05-19")[0]
            let before = try await lab.customers(received: "2018-05-22", followed: "2018-05-19")[0]
            #expect(try await lab.sweep() == #"{"as_of":"2018-05-23","3":2,"4":0}"#)
            for id in [future, before] {
                #expect(try await lab.story(id) == "1:3:2018-05-23 | public 2018-05-23")
            }
        }
    }

    @Test("a customer who waited for want of capacity is tried again when the sweep made room")
    func capacity() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-22 00:05")
            try await lab.customers(received: "2018-05-19")
            try await lab.service { tx in
                try tx.run(
                    script: """
                        INSERT INTO crm_salerank (user_id, num, weight) VALUES (1, 1, 1);
                        INSERT INTO paidan.rank_limit (user_id, holding_cap) VALUES (1, 1);
                        INSERT INTO crm_customer (id, qq, name) VALUES (700, '10700', '等待');
                        """)
            }
            let jobs: SQL = "SELECT count(*) FROM paidan.outbox WHERE kind = 'customer.assign'"
            let before = try await lab.count(jobs)
            try await lab.sweep()
            #expect(try await lab.count(jobs) == before)
            try await lab.at("2018-05-23 00:05")
            try await lab.sweep()
            #expect(try await lab.count(jobs) == before + 1)
            let args = try await lab.text("SELECT args ->> 'customer_ids' FROM paidan.outbox ORDER BY seq DESC LIMIT 1")
            #expect(args == "[700]")
        }
    }

    @Test("each job's arguments: a day, nothing else")
    func arguments() throws {
        let kind = SweepJob(pool: PostgresPool(PostgresConfiguration(conninfo: "")), publisher: EventTable()).kind
        try kind.check(arguments: Array("{}".utf8))
        try kind.check(arguments: Array(#"{"as_of":"2024-02-29","dry_run":true}"#.utf8))
        for text in [#"{"as_of":"2023-02-29"}"#, #"{"as_of":"2018-5-1"}"#, #"{"as_of":7}"#, #"{"dry_run":"yes"}"#] {
            #expect(throws: ArgumentError.self) { try kind.check(arguments: Array(text.utf8)) }
        }
    }
}
