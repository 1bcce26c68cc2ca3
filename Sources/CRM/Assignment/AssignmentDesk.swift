public import Postgres

/// What managers do with shares, absences and cycles; each call is one transaction, then the seller list is told.
public struct AssignmentDesk: Sendable {
    private let pool: PostgresPool
    private let list: any SellerList

    public init(pool: PostgresPool, list: any SellerList) {
        self.pool = pool
        self.list = list
    }

    public func ranks() async throws -> [RankEntry] { try await pool.transaction { try RankStore.list(in: &$0) } }

    /// Sets the whole list of shares (`PUT /v1/ranks`).
    ///
    /// - Parameter actor: who, for the audit log: `user:3`.
    /// - Returns: what a caller must mend, empty when the list is set.
    public func replaceRanks(_ entries: [RankEntry], actor: String) async throws -> [RankProblem] {
        let replaced = try await pool.transaction { try RankStore.replace(entries, actor: actor, in: &$0) }
        switch replaced {
        case .invalid(let problems): return problems
        case .done(let load):
            // The list is told afterwards and may be away: cycles are built from PostgreSQL whatever it says.
            try? await list.load(load)
            try? await list.requestReload(version: load.rankVersion)
            return []
        }
    }

    /// Stores an absence; slots that come up in it become void.
    ///
    /// - Parameters:
    ///   - from: first day of the absence, as `2018-05-19`.
    ///   - to: last day, not before `from`.
    public func addAbsence(user: Int, from: String, to: String, actor: String) async throws -> AbsenceAdded {
        try await pool.transaction { try AbsenceStore.add(user: user, from: from, to: to, actor: actor, in: &$0) }
    }

    public func knows(user: Int) async throws -> Bool {
        try await !pool.query("SELECT FROM crm_userinfo WHERE id = \(user)::bigint").isEmpty
    }

    /// A seller leaves, now: he is switched off, and a job takes back what he has.
    ///
    /// - Returns: the job, which the outbox has; `nil` if there is no such person.
    public func offboard(user: Int, actor: String) async throws -> OffboardOrder? {
        try await pool.transaction { try OffboardOrder.give(user: user, actor: actor, in: &$0) }
    }

    public func openCycle() async throws -> CycleView? {
        try await pool.transaction { try FairnessStore.openCycle(in: &$0) }
    }

    /// Cycles built between two days, both included and both optional, as `2018-05-19`.
    public func fairness(from: String?, to: String?) async throws -> [CycleFairness] {
        try await pool.transaction { try FairnessStore.cycles(from: from, to: to, in: &$0) }
    }

    /// Puts the free slots of the open cycle back into the list: after an undo, and at start when Redis was flushed.
    public func reloadList() async throws {
        let load = try await pool.transaction { tx in
            _ = try AssignmentStore.lock(in: &tx)
            return try AssignmentStore.load(in: &tx)
        }
        try await list.load(load)
    }
}
