internal import Postgres

/// The open cycle, slot by slot (`GET /v1/ranks/cycle`).
public struct CycleView: Sendable, Equatable {
    public struct Slot: Sendable, Equatable {
        public let position: Int
        public let user: Int
        /// `free`, `used` or `void`.
        public let state: String
        public let reason: String?
    }

    public let number: Int
    public let strategy: String
    public let slots: [Slot]
}

/// What became of one cycle's shares (`GET /v1/fairness`).
public struct CycleFairness: Sendable, Equatable {
    public struct Share: Sendable, Equatable {
        public let user: Int
        /// Slots at build; for a closed cycle `used + void` is the same number (I7).
        public let num: Int
        public let used: Int
        public let void: Int
        public let free: Int
        /// Void slots by reason.
        public let reasons: [String: Int]
    }

    public let number: Int
    public let isClosed: Bool
    /// By user id.
    public let sellers: [Share]
}

enum FairnessStore {
    static func openCycle(in tx: inout Transaction) throws -> CycleView? {
        let rows = try tx.query(
            """
            SELECT c.cycle_no, c.strategy, s.pos, s.user_id, s.state, s.reason
            FROM paidan.assign_cycle c JOIN paidan.assign_slot s ON s.cycle_no = c.cycle_no
            WHERE c.closed_at IS NULL ORDER BY s.pos
            """)
        guard let first = rows.first else { return nil }
        return CycleView(
            number: try first.int(0), strategy: try first.text(1),
            slots: try rows.map { row in
                CycleView.Slot(
                    position: try row.int(2), user: try row.int(3), state: try row.text(4),
                    reason: row.optionalText(5))
            })
    }

    /// Cycles in order; days are business days.
    static func cycles(from: String?, to: String?, in tx: inout Transaction) throws -> [CycleFairness] {
        let rows = try tx.query(
            """
            SELECT c.cycle_no, c.closed_at IS NOT NULL, s.user_id, s.num, coalesce(s.state, 'free'), s.reason,
                coalesce(s.slots, 0)
            FROM (
                -- Cycle by cycle: only the slots of those asked for are read.
                SELECT c.cycle_no, c.closed_at FROM paidan.assign_cycle c,
                    (SELECT paidan.setting('timezone', 'Asia/Shanghai') AS zone OFFSET 0) place
                WHERE (\(from)::date IS NULL OR c.built_at >= \(from)::date::timestamp AT TIME ZONE place.zone)
                    AND (\(to)::date IS NULL OR c.built_at < (\(to)::date + 1)::timestamp AT TIME ZONE place.zone)
                OFFSET 0) c
            CROSS JOIN LATERAL (
                SELECT q.user_id, q.num, s.state, s.reason, s.slots FROM paidan.assign_quota q LEFT JOIN (
                    SELECT user_id, state, reason, count(*) AS slots FROM paidan.assign_slot
                    WHERE cycle_no = c.cycle_no GROUP BY user_id, state, reason) s ON s.user_id = q.user_id
                WHERE q.cycle_no = c.cycle_no OFFSET 0) s
            ORDER BY c.cycle_no, s.user_id
            """)
        var cycles: [CycleFairness] = []
        var index = rows.startIndex
        while index < rows.endIndex {
            let number = try rows[index].int(0)
            let closed = try rows[index].bool(1)
            var shares: [CycleFairness.Share] = []
            while index < rows.endIndex, try rows[index].int(0) == number {
                shares.append(try share(rows, &index, cycle: number))
            }
            cycles.append(CycleFairness(number: number, isClosed: closed, sellers: shares))
        }
        return cycles
    }

    /// Reads the lines of one seller in one cycle.
    private static func share(_ rows: Rows, _ index: inout Rows.Index, cycle: Int) throws -> CycleFairness.Share {
        let user = try rows[index].int(2)
        let num = try rows[index].int(3)
        var counts: [String: Int] = [:]
        var reasons: [String: Int] = [:]
        while index < rows.endIndex, try rows[index].int(0) == cycle, try rows[index].int(2) == user {
            let slots = try rows[index].int(6)
            counts[try rows[index].text(4), default: 0] += slots
            if let reason = rows[index].optionalText(5) { reasons[reason, default: 0] += slots }
            index = rows.index(after: index)
        }
        return CycleFairness.Share(
            user: user, num: num, used: counts["used"] ?? 0, void: counts["void"] ?? 0, free: counts["free"] ?? 0,
            reasons: reasons)
    }
}
