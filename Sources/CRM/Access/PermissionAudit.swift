public import Postgres

/// Finds rows of `rbac_permission` that grant nothing because their pattern is not taken.
public struct PermissionAudit: Sendable {
    public struct InvalidPattern: Sendable {
        public let id: Int64
        public let code: String
        public let problem: String
    }

    private let pool: PostgresPool

    public init(pool: PostgresPool) { self.pool = pool }

    public func invalidPatterns() async throws -> [InvalidPattern] {
        try await pool.query("SELECT id, code, url FROM rbac_permission ORDER BY id").compactMap { row in
            do {
                _ = try PathRule(try row.text(2))
                return nil
            } catch let invalid as PathRule.Invalid {
                return InvalidPattern(
                    id: Int64(try row.int(0)), code: try row.text(1), problem: invalid.problem)
            }
        }
    }
}
