public import Postgres

/// Reads the facts of one customer.
public struct ExplainStore: Sendable {
    private let pool: PostgresPool

    public init(pool: PostgresPool) { self.pool = pool }

    /// - Returns: `nil` if there is no such customer.
    public func story(_ customer: Int) async throws -> CustomerStory? {
        try await pool.transaction { tx in
            // One snapshot for all questions.
            _ = try tx.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return try Self.facts(customer, in: &tx).map { ExplainStory.compose($0) }
        }
    }

    /// A customer by id or by QQ.
    ///
    /// - Returns: the ids of those who are meant, the one by id first.
    public func customers(named text: String) async throws -> [Int] {
        let id = Int(text).flatMap { Int32(exactly: $0) }.map { Int($0) }
        return try await pool.query(
            """
            SELECT id FROM crm_customer WHERE id = \(id)::bigint OR qq = \(text) ORDER BY id <> coalesce(\(id)::bigint, 0)
            """
        ).map { try $0.int(0) }
    }

    /// The import whose undo took a customer away.
    public func undone(_ customer: Int) async throws -> Int? {
        try await pool.query(
            """
            SELECT (before ->> 'import_id')::bigint FROM paidan.audit_log
            WHERE entity = 'crm_customer' AND entity_id = \(String(customer)) AND action = 'customer.undo'
            """
        ).first?.optionalInt(0)
    }

    static func facts(_ customer: Int, in tx: inout Transaction) throws -> ExplainFacts? {
        let zone = try tx.query("SELECT paidan.setting('timezone', 'Asia/Shanghai')")[0].text(0)
        let reading = ExplainReading(customer: customer, zone: zone)
        guard let row = try reading.customer(in: &tx) else { return nil }
        var facts = ExplainFacts(customer: row)
        facts.imported = try reading.imported(in: &tx)
        facts.distributions = try reading.distributions(in: &tx)
        facts.notes = try reading.notes(in: &tx)
        facts.payments = try reading.payments(in: &tx)
        facts.student = try reading.student(in: &tx)
        facts.changes = try reading.changes(in: &tx)
        facts.rules = try reading.rules(of: facts, in: &tx)
        if row.state == "pending" { facts.wait = try wait(facts, in: &tx) }
        return facts
    }

    private static func wait(_ facts: ExplainFacts, in tx: inout Transaction) throws -> ExplainFacts.Wait {
        let sellers = try AssignmentStore.sellers(in: &tx).filter { $0.num > 0 }
        if sellers.isEmpty { return .noShares }
        let able = sellers.filter { $0.refusal == nil }
        if able.isEmpty {
            return .noCapacity(
                Dictionary(
                    sellers.compactMap { seller in seller.refusal.map { (seller.user, $0) } },
                    uniquingKeysWith: { first, _ in first }))
        }
        let barred = able.map(\.user).filter { facts.rules.barred.contains($0) }
        return barred.count == able.count ? .barred(barred) : .onItsWay
    }
}
