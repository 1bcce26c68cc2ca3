internal import Foundation
internal import JobsPostgres
public import Postgres

/// What became of a customer that was entered singly.
public enum CustomerCreated: Sendable, Equatable {
    case created(CustomerView)
    /// 422.
    case invalid([CustomerProblem])
    /// 409 `duplicate`; the state of the customer who has the QQ.
    case duplicate(state: String)
}

/// Single customers.
public struct CustomerStore: Sendable {
    public let pool: PostgresPool
    let settings: ImportSettings

    public init(pool: PostgresPool, settings: ImportSettings = .init()) {
        self.pool = pool
        self.settings = settings
    }

    /// A customer as of today; nil if there is none.
    public func view(_ id: Int) async throws -> CustomerView? {
        try await pool.query(CustomerSQL.views(from: "SELECT * FROM crm_customer WHERE id = \(id)")).first
            .map(Self.decoded)
    }

    /// A customer that is there, as of today.
    static func view(_ id: Int, in tx: inout Transaction) throws -> CustomerView {
        try decoded(try tx.query(CustomerSQL.views(from: "SELECT * FROM crm_customer WHERE id = \(id)::bigint"))[0])
    }

    static func decoded(_ row: Row) throws -> CustomerView {
        try JSONDecoder().decode(CustomerView.self, from: Data(try row.utf8(0)))
    }

    /// Enters one customer, with the rules of the import.
    ///
    /// - Parameters:
    ///   - seller: `crm_userinfo` of the caller; needed for `assign: "self"`.
    ///   - actor: who, for the audit log: `user:3`.
    public func create(
        _ input: CustomerInput, seller: Int?, actor: String, traceparent: String? = nil
    ) async throws -> CustomerCreated {
        let lists = try await ImportStore(pool: pool, settings: settings).lists()
        let settings = settings
        return try await pool.transaction { tx in
            Author.set(actor, in: &tx)
            let today = Day(try tx.query("SELECT paidan.today()")[0].text(0)) ?? Day(number: 0)
            let checked = CustomerRules(settings: settings, lists: lists, today: today).check(input, seller: seller)
            var problems = checked.problems
            let referrer = try Self.referrer(input, checked.row, &problems, in: &tx)
            guard problems.isEmpty else { return .invalid(problems) }
            let row = checked.row
            let owner = checked.isOwn ? seller : nil
            // What he holds is judged by others under this lock; and he may have left a moment ago.
            if let owner, try !OwnershipStore.lockSeller(owner, in: &tx) { return .invalid([.notOwn]) }
            let made = try tx.query(
                """
                INSERT INTO crm_customer (qq, name, gender, education, graduation_school, major, experience, work_status,
                    company, salary, source, referral_from_id, status, consultant_id, recv_date, date, last_consult_date)
                SELECT \(utf8: row.qq.map { Array($0) }), \(utf8: row.name.map { Array($0) }), \(row.gender)::int, \(row.education)::int,
                    \(utf8: row.graduationSchool.map { Array($0) }), \(utf8: row.major.map { Array($0) }),
                    \(row.experience)::int, coalesce(\(row.workStatus)::int, 1), \(utf8: row.company.map { Array($0) }),
                    \(utf8: row.salary.map { Array($0) }), coalesce(\(row.source)::int, 1), \(referrer)::int,
                    coalesce(\(row.status)::int, 2), \(owner)::int, CASE WHEN \(owner)::int IS NOT NULL THEN t.today END,
                    coalesce(\(row.date?.description)::date, t.today), t.today
                FROM (SELECT paidan.today() AS today) t
                ON CONFLICT (qq) DO NOTHING RETURNING id, pool_state
                """)
            guard let new = made.first else { return .duplicate(state: try Self.state(of: row.qq, in: &tx)) }
            let id = try new.int(0)
            try Self.insertAround(id, row, owner: owner, in: &tx)
            try AuditLog.recordNew(customer: id, in: &tx)
            if try new.text(1) == "pending" {
                let job = OutboxJob(
                    kind: AssignmentJob.kind, args: AssignmentArguments(customers: [id]).json, queue: "critical",
                    traceparent: traceparent)
                try Outbox.append([job], in: &tx)
            }
            return .created(try Self.view(id, in: &tx))
        }
    }

    private static func insertAround(_ id: Int, _ row: CheckedRow, owner: Int?, in tx: inout Transaction) throws {
        if !row.courses.isEmpty {
            _ = try tx.query(
                """
                INSERT INTO crm_customer_course (customer_id, course_id)
                SELECT \(id)::int, unnest(\(row.courses)::int[])
                """)
        }
        if let memo = row.memo {
            _ = try tx.query(
                "INSERT INTO paidan.customer_remark (customer_id, note) VALUES (\(id), \(utf8: Array(memo)))")
        }
        if let owner {
            _ = try tx.query(
                """
                INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status, origin, ended_on)
                SELECT \(owner)::int, \(id)::int, today, CASE WHEN \(row.status)::int = 1 THEN 2 ELSE 1 END, 'self',
                    CASE WHEN \(row.status)::int = 1 THEN today END
                FROM (SELECT paidan.today() AS today OFFSET 0) day
                """)
        }
    }

    /// The referrer by id or by QQ.
    static func referrer(
        _ input: CustomerInput, _ row: CheckedRow, _ problems: inout [CustomerProblem], in tx: inout Transaction
    ) throws -> Int? {
        let found: Rows
        let pointer: String
        if let given = input.referrer {
            pointer = "/referral_from_id"
            found = try tx.query("SELECT id FROM crm_customer WHERE id = \(Int(given) ?? 0)::bigint")
        } else if let qq = row.referral {
            pointer = "/referral"
            found = try tx.query("SELECT id FROM crm_customer WHERE qq = \(utf8: Array(qq))")
        } else {
            return nil
        }
        if let id = try found.first?.int(0) { return id }
        problems.append(
            CustomerProblem(pointer: pointer, code: IssueCode.referral.rawValue, message: "找不到这位推荐人"))
        return nil
    }

    static func state(of qq: ArraySlice<UInt8>?, in tx: inout Transaction) throws -> String {
        let rows = try tx.query(
            "SELECT \(CustomerSQL.state("c")) FROM crm_customer c WHERE c.qq = \(utf8: qq.map { Array($0) })")
        return try rows.first?.text(0) ?? "pending"
    }
}
