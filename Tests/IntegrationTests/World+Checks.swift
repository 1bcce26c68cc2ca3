import CRM
import Foundation
import Jobs
import JobsRedis
import Postgres
import TestSupport
import Testing

extension World {
    /// Waits until nothing is left to do: every import done, every customer with a seller, every job of the outbox with
    /// its receipt, every message settled, every queue empty.
    func rest(within limit: Duration = .seconds(60)) async throws {
        do {
            try await until("all work is done", within: limit) { try await isAtRest() }
        } catch {
            let left = (try? await remains()) ?? "no answer"
            throw ScenarioError("\(error)\nleft: \(left)\n\(logs)")
        }
    }

    static let remains: SQL = """
        SELECT (SELECT count(*) FROM paidan.import_batch WHERE state NOT IN ('done', 'failed', 'cancelled', 'undone')),
            (SELECT count(*) FROM crm_customer WHERE pool_state = 'pending'),
            (SELECT count(*) FROM paidan.outbox o WHERE o.sent_at IS NULL OR NOT EXISTS (
                SELECT FROM paidan.job_receipt r WHERE r.job_id = o.id::text)
                AND NOT (o.kind = 'import.batch' AND EXISTS (
                    SELECT FROM paidan.import_batch b WHERE o.args->>'import_id' = b.id::text AND b.state = 'done'))
                AND NOT (o.kind = 'customer.assign' AND EXISTS (SELECT FROM paidan.import_chunk c
                    WHERE o.args->>'import_id' = c.import_id::text AND o.args->>'chunk' = c.chunk::text
                        AND c.assigned_at IS NOT NULL AND c.assign_job_id <> o.id::text))),
            (SELECT count(*) FROM paidan.delivery WHERE status IN ('pending', 'retry', 'leased'))
        """

    private func isAtRest() async throws -> Bool {
        guard let row = try? await pool.query(Self.remains)[0] else { return false }
        for column in 0..<4 where try row.int(column) > 0 { return false }
        guard let queues = try? await store.queues() else { return false }
        return queues.allSatisfy { $0.depth + $0.running + $0.delayed + $0.suspects == 0 }
    }

    private func remains() async throws -> String {
        let row = try await pool.query(Self.remains)[0]
        let names = ["imports", "pending customers", "jobs of the outbox", "messages"]
        let rows = try names.indices.map { "\(try row.int($0)) \(names[$0])" }
        let queues = try await store.queues()
            .map { "\($0.name) \($0.depth) waiting \($0.running) running \($0.delayed) delayed \($0.dead) dead" }
        let messages = try await pool.query(
            """
            SELECT concat_ws(' ', 'message', d.id, channel, status, 'attempt', attempt, 'leased by', lease_owner, 'until',
                lease_until, 'next', next_at, errcode, 'now', now(), 'jobs', (
                    SELECT string_agg(o.id::text || CASE WHEN r.job_id IS NULL THEN ' open' ELSE ' ended' END, ' ')
                    FROM paidan.outbox o LEFT JOIN paidan.job_receipt r ON r.job_id = o.id::text
                    WHERE o.args->>'delivery_id' = d.id::text))
            FROM paidan.delivery d WHERE status IN ('pending', 'retry', 'leased')
            """
        ).map { try $0.text(0) }
        return (rows + queues + messages).joined(separator: ", ")
    }

    /// What must hold whatever happened before.
    ///
    /// - Parameters:
    ///   - sheets: the imports by id, all of new customers.
    ///   - queue: false if Redis was flushed, which forgets what it had counted.
    func check(_ sheets: [Int: Sheet], _ at: SourceLocation = #_sourceLocation) async throws {
        let broken = try await pool.transaction { try Invariants.violations(in: &$0) }
        #expect(broken.isEmpty, "\(broken)", sourceLocation: at)
        for (id, sheet) in sheets {
            let row = try await pool.query(
                """
                SELECT state, rows_read, rows_ok, rows_duplicate, rows_error, rows_skipped, assigned,
                    (SELECT count(*) FROM crm_customer WHERE import_id = b.id),
                    (SELECT count(*) FROM paidan.import_row WHERE import_id = b.id)
                FROM paidan.import_batch b WHERE id = \(id)
                """)[0]
            let counts = try (1...8).map { try row.int($0) }
            let wanted = [sheet.rows, sheet.ok, sheet.duplicates, sheet.errors, 0, sheet.ok, sheet.ok, sheet.rows]
            #expect(try row.text(0) == "done" && counts == wanted, "import \(id): \(counts)", sourceLocation: at)
        }
        let customers = sheets.values.reduce(0) { $0 + $1.ok }
        try await checkAssignment(customers, at)
        try await checkMessages(sheets.count, at)
        for queue in ["bulk", "critical", "default"] {
            let census = try await store.census(queue)
            #expect(census.difference == 0 && census.dead == 0, "\(queue): \(census)", sourceLocation: at)
        }
    }

    /// F1 of every closed cycle, and no slot lost or burnt.
    private func checkAssignment(_ customers: Int, _ at: SourceLocation) async throws {
        let owned = try await count("SELECT count(*) FROM crm_customer WHERE pool_state = 'private'")
        let rows = try await count("SELECT count(*) FROM crm_customerdistribution")
        #expect(owned == customers && rows == customers, "\(owned), \(rows)", sourceLocation: at)
        let cycles = try await AssignmentDesk(pool: pool, list: ForgetfulList()).fairness(from: nil, to: nil)
        let perCycle = Self.shares.reduce(0) { $0 + $1.num }
        #expect(cycles.count == (customers + perCycle - 1) / perCycle, "\(cycles.count) cycles", sourceLocation: at)
        for cycle in cycles {
            let isExact = cycle.sellers.allSatisfy {
                cycle.isClosed ? $0.used == $0.num && $0.free == 0 : $0.used + $0.free == $0.num
            }
            let hasVoid = cycle.sellers.contains { $0.void > 0 }
            #expect(isExact && !hasVoid, "cycle \(cycle.number): \(cycle.sellers)", sourceLocation: at)
        }
        let open = cycles.dropLast().filter { !$0.isClosed }
        #expect(open.isEmpty, sourceLocation: at)
    }

    /// Each seller of each import is told once, and the uploader; what was delivered is at the provider.
    private func checkMessages(_ imports: Int, _ at: SourceLocation) async throws {
        let told = try await count("SELECT count(*) FROM paidan.event WHERE type = 'assigned'")
        let finished = try await count("SELECT count(*) FROM paidan.event WHERE type = 'import_finished'")
        #expect(told == imports * Self.shares.count && finished == imports, sourceLocation: at)
        let unsent = try await pool.query(
            "SELECT channel, status, coalesce(errcode, '') FROM paidan.delivery WHERE status NOT IN ('sent', 'merged')"
        ).map { "\(try $0.text(0)) \(try $0.text(1)) \(try $0.text(2))" }
        #expect(unsent.isEmpty, "\(unsent)", sourceLocation: at)
        let mails = try await count("SELECT count(*) FROM paidan.delivery WHERE channel = 'mail'")
        #expect(mails == told + finished, sourceLocation: at)
        #expect(Set(messageIDs).count == mails, "mails with different ids", sourceLocation: at)
        let bodies = try await count(
            "SELECT count(*) FROM paidan.delivery WHERE channel IN ('wecom', 'ding') AND status = 'sent'")
        #expect(robot.requests.count >= bodies && bodies >= 2, sourceLocation: at)
    }

    /// Of each mail as it came; a repeat has the same.
    var messageIDs: [String] {
        mail.mails.compactMap { mail in
            mail.data.split(separator: "\r\n").first { $0.hasPrefix("Message-ID:") }.map(String.init)
        }
    }
}

/// A list that hands out nothing: for those who only look.
private struct ForgetfulList: SellerList {
    func pop(_ count: Int) async throws -> [SlotToken] { [] }
    func giveBack(_ tokens: [SlotToken]) async throws {}
    func load(_ load: CycleLoad) async throws {}
    func requestReload(version: Int) async throws {}
}
