internal import Postgres

/// Where an assignment starts from in PostgreSQL, read under its lock.
struct AssignmentGround {
    /// Grows from one holder of the lock to the next, clock steps aside: orders loads of the list.
    let stamp: Int
    /// Now, by the wall clock and not the transaction's start: who waited for the lock writes later times than who had
    /// it. A `timestamptz` as text.
    let moment: String
    let openCycle: Int?
    /// 0 before the first.
    let lastCycle: Int
    let rankVersion: Int
}

/// Reads of the assignment. Lock order: advisory lock, customers, sellers, slots, each by id.
enum AssignmentStore {
    /// Key of the advisory lock under which slots and cycles change.
    static let lockKey = 7001
    /// SQL of ``AssignmentGround/moment``; `paidan.now()` alone may be shifted by tests.
    static let momentNow = "paidan.now() + (clock_timestamp() - pg_catalog.now())"

    /// Takes the lock until the transaction ends, then reads (a statement of its own sees what its last holder wrote).
    static func lock(in tx: inout Transaction) throws -> AssignmentGround { try tx.run(takeLock, readGround).1 }

    static let takeLock = Statement<Void>("SELECT pg_advisory_xact_lock(\(lockKey)::bigint)")

    static let readGround = Statement<AssignmentGround>(
        """
        SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, \(raw: momentNow),
            (SELECT cycle_no FROM paidan.assign_cycle WHERE closed_at IS NULL),
            coalesce((SELECT max(cycle_no) FROM paidan.assign_cycle), 0),
            paidan.setting('rank_version', '1')::bigint
        """
    ) { rows in
        guard let row = rows.first else { throw AssignmentError.noRow }
        return AssignmentGround(
            stamp: try row.int(0), moment: try row.text(1), openCycle: try row.optionalInt(2),
            lastCycle: try row.int(3), rankVersion: try row.int(4))
    }

    /// Lets expire what is overdue with sellers at their holding cap: it must not count, whether a sweep has run or not.
    ///
    /// - Parameter user: this seller alone.
    static func makeRoom(of user: Int? = nil, in tx: inout Transaction) throws {
        // Mostly nobody is full: asked first, or each call would look through the private customers.
        let full = try tx.run(fullSellers(user))
        if !full.isEmpty { try expireOverdue(of: full, in: &tx) }
    }

    /// Sellers at their holding cap.
    static func fullSellers(_ user: Int? = nil) -> Statement<[Int]> {
        Statement(
            """
            SELECT l.user_id FROM paidan.rank_limit l
            WHERE (\(user)::bigint IS NULL OR l.user_id = \(user)::bigint) AND l.holding_cap <= (
                SELECT count(*) FROM (SELECT FROM crm_customerdistribution d
                    WHERE d.user_id = l.user_id AND d.status = 1 LIMIT l.holding_cap) held)
            """
        ) { try $0.map { try $0.int(0) } }
    }

    /// A customer that somebody has locked is passed over, so that this never waits; it is still held then.
    static func expireOverdue(of sellers: [Int], in tx: inout Transaction) throws {
        _ = try tx.query(
            """
            SELECT paidan.expire_customer(overdue.id) FROM (
                SELECT c.id FROM crm_customer c, (
                    SELECT paidan.today() AS today, paidan.setting('follow_up_days', '3')::int AS follow,
                        paidan.setting('deal_days', '15')::int AS deal OFFSET 0) rule
                WHERE c.consultant_id = ANY(\(sellers)::int[]) AND c.pool_state = 'private'
                    -- With a calendar of work days it is later, never earlier.
                    AND (c.last_consult_date < rule.today - rule.follow OR c.recv_date < rule.today - rule.deal)
                    AND paidan.expired_on(c.recv_date, c.last_consult_date, c.protected_until) <= rule.today
                ORDER BY c.id FOR NO KEY UPDATE OF c SKIP LOCKED) overdue
            """)
    }

    static func sellers(in tx: inout Transaction) throws -> [Seller] { try tx.run(readSellers) }

    /// Counts stop at their cap, so their cost does not grow with what a seller holds.
    static let readSellers = Statement<[Seller]>(
        """
        SELECT r.user_id, r.num, r.weight, u.is_active AND u.depart_id = 1001,
            EXISTS (SELECT FROM paidan.absence a
                WHERE a.user_id = r.user_id AND day.today BETWEEN a.from_on AND a.to_on),
            l.daily_cap, CASE WHEN l.daily_cap IS NULL THEN 0 ELSE
                (SELECT count(*) FROM (SELECT FROM crm_customerdistribution d
                    WHERE d.user_id = r.user_id AND d.status IN (1, 2, 3, 4, 5, 6, 7, 8) AND d.ctime = day.today
                        AND d.origin IN ('auto', 'grab') LIMIT l.daily_cap) taken) END,
            l.holding_cap, CASE WHEN l.holding_cap IS NULL THEN 0 ELSE
                (SELECT count(*) FROM (SELECT FROM crm_customerdistribution d
                    WHERE d.user_id = r.user_id AND d.status = 1 LIMIT l.holding_cap) held) END
        FROM (SELECT paidan.today() AS today OFFSET 0) day CROSS JOIN crm_salerank r
            JOIN crm_userinfo u ON u.id = r.user_id LEFT JOIN paidan.rank_limit l ON l.user_id = r.user_id
        ORDER BY r.user_id
        """
    ) { rows in
        try rows.map { row in
            Seller(
                user: try row.int(0), num: try row.int(1), weight: try row.int(2), isActive: try row.bool(3),
                isOnLeave: try row.bool(4), dailyCap: try row.optionalInt(5), takenToday: try row.int(6),
                holdingCap: try row.optionalInt(7), holding: try row.int(8))
        }
    }

    /// Free slots by position, after `position`, at most `count`.
    static func freeSlots(
        of cycle: Int, after position: Int, count: Int, in tx: inout Transaction
    ) throws -> [SlotToken] {
        try tx.query(
            """
            SELECT pos, user_id FROM paidan.assign_slot
            WHERE cycle_no = \(cycle)::bigint AND state = 'free' AND pos > \(position)::int
            ORDER BY pos LIMIT \(count)::int
            """
        ).map { SlotToken(cycle: cycle, position: try $0.int(0), user: try $0.int(1)) }
    }

    /// The open cycle as the list should hold it after this transaction, whose stamp is read now.
    static func load(in tx: inout Transaction) throws -> CycleLoad {
        let ground = try tx.run(readGround)
        var whole: [SlotToken] = []
        var open: [SlotToken] = []
        if let cycle = ground.openCycle {
            let rows = try tx.query(
                """
                SELECT pos, user_id, state = 'free' FROM paidan.assign_slot WHERE cycle_no = \(cycle)::bigint
                ORDER BY pos
                """)
            for row in rows {
                let token = SlotToken(cycle: cycle, position: try row.int(0), user: try row.int(1))
                whole.append(token)
                if try row.bool(2) { open.append(token) }
            }
        }
        return CycleLoad(
            cycle: ground.lastCycle, stamp: ground.stamp, rankVersion: ground.rankVersion, open: open, whole: whole)
    }
}

/// What can go wrong beside the stores.
public struct AssignmentError: Error, Sendable, CustomStringConvertible {
    public let description: String

    static let noRow = AssignmentError(description: "PostgreSQL answered a one-row question without a row")
    static func changed(_ what: String, _ wanted: Int, _ found: Int) -> AssignmentError {
        AssignmentError(
            description: "\(found) of \(wanted) \(what) changed: another program wrote to them; the job is run again")
    }
}
