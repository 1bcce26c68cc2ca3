import OwnerThread
import Postgres
import TestSupport
import Testing

@testable import CRM
@testable import Jobs

/// A worker that dies between any two transactions leaves an import that its successor brings to the same end.
@Suite("Import: crashes")
struct ImportCrashTests {
    /// Valid rows, errors, doubles, referrals to later rows, known QQs, courses, remarks, consultants.
    static let sheet = """
        姓名,QQ,转介绍,咨询课程,备注,课程顾问,状态
        甲,100001,100008,Python,记一,,
        乙,100002,,Linux,,,
        丙,x,,,,,
        丁,100004,100003,,,,
        戊,100005,,,记五,王二,
        己,100001,,,,,
        庚,100007,100001,,,,已报名
        辛,100008,,Python,,,
        壬,900001,,,,,
        癸,100010,100002,,,,
        子,100011,,,,,
        """

    static func ending(_ lab: ImportLab, _ id: Int) async throws -> [String] {
        try await lab.assign()
        try await lab.checkCounts(id)
        let view = try await lab.view(id)
        let customers = try await lab.text(
            """
            SELECT string_agg(concat_ws(' ', c.qq, c.name, c.pool_state, c.consultant_id, f.qq, c.import_id = \(id),
                (SELECT string_agg(k.course_id::text, '+') FROM crm_customer_course k WHERE k.customer_id = c.id),
                (SELECT string_agg(m.note, '+') FROM paidan.customer_remark m WHERE m.customer_id = c.id),
                (SELECT string_agg(d.status || d.origin, '+') FROM crm_customerdistribution d WHERE d.customer_id = c.id)),
                E'\\n' ORDER BY c.qq)
            FROM crm_customer c LEFT JOIN crm_customer f ON f.id = c.referral_from_id
            """)
        let order = try await lab.text(
            "SELECT string_agg(c.qq, ',' ORDER BY c.id) FROM crm_customer c WHERE c.import_id = \(id)")
        let events = try await lab.text("SELECT string_agg(dedupe_key, ',' ORDER BY dedupe_key) FROM paidan.event")
        return try await lab.story(id) + [
            "\(view.state) \(view.rows) \(view.assigned)", customers ?? "", order ?? "", events ?? "",
        ]
    }

    private static func world(_ body: (ImportLab, Int) async throws -> Void) async throws {
        try await ImportLab.with { lab in
            _ = try await lab.pool.query("INSERT INTO crm_customer (id, qq, name) VALUES (90001, '900001', '旧')")
            guard case .accepted(let ticket) = try await lab.upload(Array(sheet.utf8)) else { return }
            try await body(lab, ticket.id)
        }
    }

    static let whole = Task {
        let result = Lock<[String]>([])
        try await world { lab, id in
            try await lab.run(id)
            let end = try await ending(lab, id)
            result.withLock { $0 = end }
        }
        return result.withLock { $0 }
    }

    private static func expectSameEnd(_ lab: ImportLab, _ id: Int) async throws {
        let (end, expected) = (try await ending(lab, id), try await whole.value)
        #expect(end == expected)
    }

    @Test("killed after each commit once", arguments: 1...12)
    func killed(after steps: Int) async throws {
        try await Self.world { lab, id in
            try await lab.runUntilStopped(id, after: steps)
            try await lab.run(id)
            try await Self.expectSameEnd(lab, id)
        }
    }

    @Test("killed after every commit")
    func killedAlways() async throws {
        try await Self.world { lab, id in
            for _ in 0..<30 { try await lab.runUntilStopped(id, after: 1) }
            try await Self.expectSameEnd(lab, id)
        }
    }

    @Test("killed while a transaction is open: PostgreSQL ends the session at some statement", arguments: 0..<6)
    func sessionsKilled(_ seed: Int) async throws {
        try await Self.world { lab, id in
            let run = Task { try await lab.run(id) }
            let killer = Task {
                for _ in 0..<(3 + seed) {
                    _ = try? await lab.pool.query(
                        """
                        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
                        """)
                }
            }
            _ = try? await run.value
            await killer.value
            for _ in 0..<5 { _ = try? await lab.run(id) }
            try await Self.expectSameEnd(lab, id)
        }
    }

    @Test("two workers on one import: one goes on, the other steps back, the end is the same")
    func twoWorkers() async throws {
        try await Self.world { lab, id in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<3 { group.addTask { _ = try? await lab.run(id) } }
            }
            for _ in 0..<2 { _ = try? await lab.run(id) }
            try await Self.expectSameEnd(lab, id)
        }
    }

    @Test("a worker that was overtaken commits nothing")
    func overtaken() async throws {
        try await Self.world { lab, id in
            let reading = try #require(await lab.store.open(id, jobID: "stale"))
            try await lab.runUntilStopped(id, after: 1)
            await #expect(throws: ImportOvertaken.self) { _ = try await lab.store.checkTogether(reading) }
            try await lab.runUntilStopped(id, after: 5)
            let storing = try #require(await lab.store.open(id, jobID: "stale"))
            #expect(storing.checkpoint.stage == .storing)
            try await lab.runUntilStopped(id, after: 1)
            await #expect(throws: ImportOvertaken.self) { _ = try await lab.store.storeChunk(storing) }
            await #expect(throws: ImportOvertaken.self) {
                try await lab.store.fail(storing, ImportFailure(code: "F_FORMAT", message: "late"))
            }
            try await lab.run(id)
            try await Self.expectSameEnd(lab, id)
        }
    }

    @Test("a fault of the service ends the import with the last attempt; what was stored stays and is told")
    func internalFault() async throws {
        try await Self.world { lab, id in
            try await lab.runUntilStopped(id, after: 7)
            _ = try await lab.pool.query(
                "ALTER TABLE crm_customer ADD CONSTRAINT broken CHECK (qq <> '100010')")
            await #expect(throws: PostgresError.self) { try await lab.run(id, attempt: 3) }
            #expect(try await lab.view(id).state == "running")
            guard case .dead = try await lab.run(id, attempt: 10) else {
                Issue.record("not dead")
                return
            }
            try await lab.assign()
            let view = try await lab.view(id)
            #expect(view.state == "failed" && view.error?.code == "internal")
            #expect(view.rows.ok > 0 && view.rows.skipped > 0)
            try await lab.checkCounts(id)
            let stored = try await lab.count("SELECT count(*) FROM crm_customer WHERE import_id = \(id)")
            #expect(stored == view.rows.ok)
        }
    }

    @Test("an import whose job is lost is found and gets another one; a chunk's too")
    func reconciled() async throws {
        try await Self.world { lab, id in
            let lost = try #require(await lab.store.unfinished().first)
            #expect(lost.id == id)
            _ = try await lab.pool.query("DELETE FROM paidan.outbox")
            try await lab.store.requeue(lost)
            try await lab.store.requeue(lost)
            #expect(try await lab.count("SELECT count(*) FROM paidan.outbox WHERE kind = 'import.batch'") == 1)
            try await lab.run(id)
            #expect(try await lab.store.unfinished().isEmpty)
            _ = try await lab.pool.query("DELETE FROM paidan.outbox WHERE kind = 'customer.assign'")
            for chunk in try await lab.store.unassigned() { try await lab.store.reassign(chunk) }
            try await Self.expectSameEnd(lab, id)
            #expect(try await lab.store.unassigned().isEmpty)
        }
    }
}

extension ImportLab {
    /// Runs the job and cancels it right after its `steps`-th commit, as a kill at that line would end it.
    func runUntilStopped(_ importID: Int, after steps: Int) async throws {
        let claim = Claim(id: newJobID(), kind: "import.batch", queue: "bulk", args: [])
        let left = Lock(steps)
        let running = Lock<Task<Outcome, any Error>?>(nil)
        let context = JobContext(logger: Self.logger, board: ProgressBoard(), claims: [claim]) { _ in
            let isLast = left.withLock { left -> Bool in
                left -= 1
                return left == 0
            }
            if isLast { running.withLock { $0 }?.cancel() }
        }
        let known = OneShot<Void, Never>()
        let run = Task { [store] in
            await known.value()
            return try await ImportRun(store, nil, claim, context).run(importID)
        }
        running.withLock { $0 = run }
        known.answer(.success(()))
        _ = await run.result
    }
}
