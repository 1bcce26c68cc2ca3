internal import Postgres

extension OwnershipDesk {
    /// Most characters of a note.
    static let noteLimit = 10_000

    /// Writes a note. The owner's counts as a follow-up of today; a manager's is kept and moves no clock.
    ///
    /// - Returns: `.noted`, or why nothing was stored.
    public func followUp(_ id: Int, note: String, by caller: Caller) async throws -> Moved {
        let text = SpokenText(text: note, pointer: "/note", limit: Self.noteLimit)
        let moved = try await change(id, "customer.follow_up", by: caller) { customer, tx in
            if let problem = try text.problem(in: &tx) { return .invalid([problem]) }
            let effect = customer.note(by: caller.seller, isManager: caller.isManager)
            if case .isRefused(let refusal) = effect { return .refused(refusal) }
            let writer = try caller.seller ?? PersonStore.person(of: caller, in: &tx)
            let note = try FollowUpStore.add(customer.id, by: writer, note, in: &tx)
            return .changed(details: Array("{\"note_id\":\(note),\"clock_moved\":\(effect == .movesClock)}".utf8))
        }
        guard case .done(let view) = moved else { return moved }
        return .noted(view, clockMoved: caller.seller.map { view.isPrivate(of: $0) } ?? false)
    }
}

/// The table `crm_consultrecord`.
enum FollowUpStore {
    /// A trigger moves the clock if the owner wrote.
    ///
    /// - Returns: its id.
    static func add(_ customer: Int, by writer: Int, _ note: String, in tx: inout Transaction) throws -> Int {
        try tx.query(
            """
            INSERT INTO crm_consultrecord (customer_id, consultant_id, date, note)
            VALUES (\(customer)::bigint, \(writer)::bigint, paidan.today(), \(note)) RETURNING id
            """)[0].int(0)
    }
}
