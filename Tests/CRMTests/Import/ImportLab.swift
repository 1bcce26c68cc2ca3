import Foundation
import Jobs
import JobsPostgres
import Logging
import OwnerThread
import Postgres
import TestSupport
import Testing

@testable import CRM

/// A migrated database of one test, with people and courses, and an import's way through it.
final class ImportLab: Sendable {
    let pool: PostgresPool
    let store: ImportStore
    let customers: CustomerStore
    private let jobs = Lock(0)

    private init(_ pool: PostgresPool, _ settings: ImportSettings) {
        self.pool = pool
        store = ImportStore(pool: pool, settings: settings)
        customers = CustomerStore(pool: pool, settings: settings)
    }

    /// Small steps, so that every test crosses several transactions.
    static func settings(_ change: (inout ImportSettings) -> Void = { _ in }) -> ImportSettings {
        var settings = ImportSettings()
        settings.stagingRows = 3
        settings.chunkRows = 2
        settings.pieceBytes = 4096
        change(&settings)
        return settings
    }

    static func with(
        _ settings: ImportSettings = settings(), _ body: (ImportLab) async throws -> Void
    ) async throws {
        try settings.validate()
        try await FreshDatabase.with(template: "import", prepare: prepare) { conninfo in
            try await PostgresPool.with(conninfo, sessions: 3) { pool in
                try await body(ImportLab(pool, settings))
            }
        }
    }

    /// Sellers 1 李一 and 2 王二 with shares, 3 李一 without, 4 of another department, 5 who left; courses.
    private static func prepare(_ conninfo: String) async throws {
        try await PostgresPool.with(conninfo, sessions: 1) { pool in
            try await Migrator(pool: pool, migrations: EngineMigrations.all + CRMMigrations.all).migrate { _ in }
            try await pool.transaction { tx in
                try tx.run(
                    script: """
                        INSERT INTO crm_userinfo (id, name, username, depart_id, is_active) VALUES
                            (1, '李一', 'liyi', 1001, true), (2, '王二', 'wanger', 1001, true),
                            (3, '李一', 'liyi3', 1001, true), (4, '赵四', 'zhaosi', 1000, true),
                            (5, '孙五', 'sunwu', 1001, false);
                        INSERT INTO crm_salerank (user_id, num, weight) VALUES (1, 2, 1), (2, 1, 2);
                        INSERT INTO crm_course (id, name) VALUES (1, 'Python'), (2, 'Linux'), (3, 'C/C++');
                        """)
            }
        }
    }

    func newJobID() -> String {
        jobs.withLock {
            $0 += 1
            return "job-\($0)"
        }
    }

    // MARK: steps

    func upload(_ bytes: [UInt8], _ name: String = "客户.csv", _ change: (inout NewImport) -> Void = { _ in })
        async throws
        -> UploadResult
    {
        var new = NewImport(fileName: name)
        change(&new)
        var upload = try await ImportUpload(store, new)
        try await upload.write(bytes)
        return try await upload.finish()
    }

    /// Runs the import's job once.
    @discardableResult
    func run(_ importID: Int, attempt: Int = 1) async throws -> Outcome {
        let claim = Claim(id: newJobID(), kind: "import.batch", queue: "bulk", args: [], attempt: attempt)
        let preview = AssignmentPreview(pool: pool) { .laps }
        return try await ImportRun(store, preview, claim, .detached(logger: Self.logger)).run(importID)
    }

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Runs every assignment job that waits in the outbox.
    func assign() async throws {
        var hooks = AssignmentHooks()
        hooks.chunkAssigned = { [store] importID, chunk, owners, tx in
            try store.chunkAssigned(importID, chunk: chunk, assigned: owners.count, in: &tx)
        }
        let job = AssignmentJob(
            pool: pool, list: NoSellerList(), settings: { AssignmentSettings(strategy: .laps) }, hooks: hooks,
            logger: Self.logger)
        let waiting = try await pool.query(
            """
            SELECT o.id::text, o.args FROM paidan.outbox o WHERE o.kind = 'customer.assign'
                AND NOT EXISTS (SELECT FROM paidan.job_receipt r WHERE r.job_id = o.id::text) ORDER BY o.seq
            """)
        for row in waiting {
            let claim = Claim(
                id: try row.text(0), kind: "customer.assign", queue: "critical", args: try row.utf8(1))
            let arguments = try JSONDecoder().decode(AssignmentArguments.self, from: Data(claim.args))
            _ = try await job.run([AssignmentTask(job: claim.id, arguments: arguments)])
        }
    }

    /// Uploads, runs and assigns.
    ///
    /// - Returns: the import's id.
    @discardableResult
    func take(_ bytes: [UInt8], _ name: String = "客户.csv", _ change: (inout NewImport) -> Void = { _ in }) async throws
        -> Int
    {
        guard case .accepted(let ticket) = try await upload(bytes, name, change) else {
            throw LabError(message: "the upload was refused as a duplicate")
        }
        try await run(ticket.id)
        try await assign()
        try await checkCounts(ticket.id)
        return ticket.id
    }

    @discardableResult
    func take(_ csv: String, _ change: (inout NewImport) -> Void = { _ in }) async throws -> Int {
        try await take(Array(csv.utf8), "客户.csv", change)
    }

    /// Runs an undo's job.
    func undo(_ importID: Int, asked: Bool = true) async throws -> UndoResult {
        if asked { _ = try await store.requestUndo(importID, actor: "user:1") }
        while try await undoOnce(importID) > 0 {}
        return try await store.finishUndo(importID, jobID: newJobID())
    }

    /// - Returns: customers that went.
    func undoOnce(_ importID: Int) async throws -> Int {
        var removed = 0
        var after = 0
        while case let chunk = try await store.undoChunk(importID, after: after), let last = chunk.last {
            removed += chunk.removed
            after = last
        }
        return removed
    }

    // MARK: looking

    func broken() async throws -> [String] { try await pool.transaction { try Invariants.violations(in: &$0) } }

    func view(_ importID: Int) async throws -> ImportView { try #require(await store.view(importID)) }

    func rows(_ importID: Int) async throws -> [ImportRowView] {
        var all: [ImportRowView] = []
        var after = 0
        while true {
            let page = try #require(await store.rows(importID, after: after, limit: 3))
            all += page.items
            guard let next = page.nextCursor else { return all }
            after = try #require(Int(next))
        }
    }

    /// `row: code code …` or `row: state` for each row: what most tests compare.
    func story(_ importID: Int) async throws -> [String] {
        try await rows(importID).map { row in
            let codes = row.errors.map(\.code).filter { !$0.hasPrefix("W_TRIMMED") }
            return "\(row.row) \(row.state)" + codes.map { " " + $0 }.joined()
        }
    }

    func text(_ sql: SQL) async throws -> String? { try await pool.query(sql).first?.optionalText(0) }

    func count(_ sql: SQL) async throws -> Int { try await pool.query(sql)[0].int(0) }

    /// I10, and the invariants that an import could break.
    func checkCounts(_ importID: Int, _ at: SourceLocation = #_sourceLocation) async throws {
        let view = try await view(importID)
        let r = view.rows
        #expect(r.ok + r.duplicate + r.error + r.skipped == r.read, "I10: rows", sourceLocation: at)
        if view.dryRun || view.state == "failed" { return }
        let stored = try await count("SELECT count(*) FROM crm_customer WHERE import_id = \(importID)")
        let undone = try await count(
            "SELECT count(*) FROM paidan.import_row WHERE import_id = \(importID) AND state = 'ok' AND customer_id IS NULL"
        )
        let forgotten = try await count("SELECT rows_forgotten FROM paidan.import_batch WHERE id = \(importID)")
        #expect(r.ok == stored + undone + forgotten, "I10: customers", sourceLocation: at)
        let broken = try await count(
            """
            SELECT count(*) FROM crm_customer c
            WHERE (pool_state = 'private') <> EXISTS (
                SELECT FROM crm_customerdistribution d
                WHERE d.customer_id = c.id AND d.status = 1 AND d.user_id = c.consultant_id)
            """)
        #expect(broken == 0, "I2, I3", sourceLocation: at)
    }
}

struct LabError: Error { let message: String }

/// No Redis: every slot comes from PostgreSQL.
struct NoSellerList: SellerList {
    func pop(_ count: Int) async throws -> [SlotToken] { [] }
    func giveBack(_ tokens: [SlotToken]) async throws {}
    func load(_ load: CycleLoad) async throws {}
    func requestReload(version: Int) async throws {}
}
