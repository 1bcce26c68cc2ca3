import CRM
import Postgres
import Testing

/// A violation of one invariant, planted by psql.
struct Plant: Sendable {
    let what: String
    let sql: [SQL]
    /// SQLSTATE of the database's refusal; nil where it cannot refuse.
    let refused: String?
    /// What stands in the way of the plant, taken away: the query must find it too.
    let lift: [SQL]
    /// As `doctor` names it.
    let found: String

    init(_ found: String, _ what: String, _ sql: SQL..., refused: String? = nil, lift: SQL...) {
        self.found = found
        self.what = what
        self.sql = sql
        self.refused = refused
        self.lift = lift
    }
}

@Suite("Invariants, each broken by psql")
struct InvariantTests {
    /// Sellers 1 and 2. Customers: 1 private of 1, assigned by slot 1:1; 2 pending; 3 closed, a deal of 2; 4 public, which
    /// 1 had grabbed and lost, and 2 after him; 5 pending. Import 1 stored customer 5.
    private static let ground: [SQL] = [
        "INSERT INTO crm_userinfo (name, username, depart_id) VALUES ('甲', '甲', 1001), ('乙', '乙', 1001)",
        """
        INSERT INTO paidan.import_batch (state, rows_read, rows_ok, rows_duplicate, rows_error, rows_skipped)
        VALUES ('done', 10, 1, 2, 3, 4)
        """,
        """
        INSERT INTO crm_customer (qq, name, consultant_id, recv_date, pool_since, status, import_id) VALUES
            ('10001', '客户', 1, paidan.today(), NULL, 2, NULL), ('10002', '客户', NULL, NULL, NULL, 2, NULL),
            ('10003', '客户', 2, paidan.today(), NULL, 1, NULL),
            ('10004', '客户', NULL, paidan.today(), paidan.today(), 2, NULL), ('10005', '客户', NULL, NULL, NULL, 2, 1)
        """,
        """
        INSERT INTO crm_customerdistribution (user_id, customer_id, status, origin, ended_on) VALUES
            (1, 1, 1, 'auto', NULL), (2, 3, 2, 'self', paidan.today()), (1, 4, 3, 'grab', paidan.today()),
            (2, 4, 6, 'manual', paidan.today())
        """,
        "INSERT INTO paidan.assign_cycle (cycle_no, closed_at) VALUES (1, paidan.now())",
        "INSERT INTO paidan.assign_quota VALUES (1, 1, 1, 1), (1, 2, 1, 1)",
        """
        INSERT INTO paidan.assign_slot (cycle_no, pos, user_id, state, reason, customer_id, distribution_id) VALUES
            (1, 1, 1, 'used', NULL, 1, 1), (1, 2, 2, 'void', 'leave', NULL, NULL)
        """,
        "INSERT INTO paidan.event (type, dedupe_key) VALUES ('assigned', 'a')",
        "INSERT INTO paidan.delivery (event_id, channel, recipient_key) VALUES (1, 'mail', 'user:1')",
    ]
    private static let give2: SQL = "UPDATE crm_customer SET consultant_id = 2, recv_date = paidan.today() WHERE id = 2"
    private static let stored: SQL = "ALTER TABLE crm_customer ALTER COLUMN pool_state DROP EXPRESSION"
    private static func use(for distribution: Int, of customer: Int) -> SQL {
        """
        UPDATE paidan.assign_slot SET state = 'used', reason = NULL, customer_id = \(customer)::int,
            distribution_id = \(distribution)::int WHERE pos = 2
        """
    }
    private static let unguarded: [SQL] = [
        "ALTER TABLE crm_customerdistribution DISABLE TRIGGER a_fixed",
        "ALTER TABLE crm_customerdistribution DISABLE TRIGGER b_ended",
        "ALTER TABLE crm_customerdistribution DROP CONSTRAINT crm_customerdistribution_ended_on_check",
    ]

    static let customers: [Plant] = [
        Plant(
            "I1: customer 1", "a second open distribution",
            "INSERT INTO crm_customerdistribution (id, user_id, customer_id) VALUES (50, 2, 1)",
            refused: "23505", lift: "DROP INDEX crm_customerdistribution_open"),
        Plant(
            "I2: customer 1", "another consultant than the open distribution's user",
            "UPDATE crm_customer SET consultant_id = 2 WHERE id = 1"),
        Plant(
            "I2: customer 1", "private without an open distribution",
            "UPDATE crm_customerdistribution SET status = 5 WHERE id = 1"),
        Plant(
            "I3: customer 2", "pending with an open distribution",
            "INSERT INTO crm_customerdistribution (id, user_id, customer_id) VALUES (50, 2, 2)"),
        Plant("I3: customer 1", "closed with an open distribution", "UPDATE crm_customer SET status = 1 WHERE id = 1"),
        Plant(
            "I3: customer 1", "in the pool with a consultant",
            "UPDATE crm_customer SET pool_since = paidan.today() WHERE id = 1", refused: "23514"),
        Plant(
            "I3: customer 3", "called public with a consultant",
            "UPDATE crm_customer SET pool_state = 'public', status = 2 WHERE id = 3", refused: "428C9", lift: stored),
        Plant(
            "I4: customer 2", "called closed and not enrolled",
            "UPDATE crm_customer SET pool_state = 'closed' WHERE id = 2", refused: "428C9", lift: stored),
        Plant(
            "I4: customer 3", "enrolled and not called closed",
            "UPDATE crm_customer SET pool_state = 'private' WHERE id = 3", refused: "428C9", lift: stored),
        Plant(
            "I9: distribution 1", "open without a day of receipt",
            "UPDATE crm_customer SET recv_date = NULL WHERE id = 1",
            refused: "23514", lift: "ALTER TABLE crm_customer DROP CONSTRAINT crm_customer_private_check"),
        Plant(
            "I9: distribution 1", "followed up before it was given",
            "UPDATE crm_customerdistribution SET ctime = ctime + 1 WHERE id = 1", refused: "23PD1",
            lift: "ALTER TABLE crm_customerdistribution DISABLE TRIGGER a_made_later"),
    ]

    static let distributions: [Plant] = [
        Plant(
            "I5: distribution 50", "a former owner has it again",
            "UPDATE crm_customer SET consultant_id = 1, pool_since = NULL WHERE id = 4",
            "INSERT INTO crm_customerdistribution (id, user_id, customer_id, origin) VALUES (50, 1, 4, 'grab')",
            refused: "23PD1", lift: "ALTER TABLE crm_customerdistribution DISABLE TRIGGER barred"),
        Plant(
            "I5: distribution 50", "the last owner has it again, in the mode that bars him only",
            "UPDATE paidan.setting SET value = 'last_owner' WHERE name = 'former_owner'",
            "UPDATE crm_customer SET consultant_id = 2, pool_since = NULL WHERE id = 4",
            "INSERT INTO crm_customerdistribution (id, user_id, customer_id, origin) VALUES (50, 2, 4, 'grab')",
            refused: "23PD1", lift: "ALTER TABLE crm_customerdistribution DISABLE TRIGGER barred"),
        Plant(
            "I5: distribution 50", "given back by hand, and nobody says by whom",
            "UPDATE crm_customer SET consultant_id = 1, pool_since = NULL WHERE id = 4",
            "INSERT INTO crm_customerdistribution (id, user_id, customer_id, origin) VALUES (50, 1, 4, 'manual')"),
        Plant(
            "I12: distribution 1", "open with the day it ended",
            "UPDATE crm_customerdistribution SET ended_on = paidan.today() WHERE id = 1",
            refused: "23514",
            lift: "ALTER TABLE crm_customerdistribution DROP CONSTRAINT crm_customerdistribution_ended_on_check"),
        Plant(
            "I12: distribution 2", "ended without its day",
            "UPDATE crm_customerdistribution SET ended_on = NULL WHERE id = 2", refused: "23PD1",
            lift: unguarded[0], unguarded[1], unguarded[2]),
        Plant(
            "I12: distribution 2", "an ended one opened again",
            "UPDATE crm_customerdistribution SET status = 1 WHERE id = 2", refused: "23PD1",
            lift: unguarded[0], unguarded[1], unguarded[2]),
        Plant(
            "I14: distribution 51", "one more than a day's cap",
            "INSERT INTO paidan.rank_limit (user_id, daily_cap) VALUES (2, 1)", give2,
            "INSERT INTO crm_customerdistribution (id, user_id, customer_id, origin) VALUES (50, 2, 2, 'grab')",
            "UPDATE crm_customer SET consultant_id = 2, recv_date = paidan.today() WHERE id = 5",
            "INSERT INTO crm_customerdistribution (id, user_id, customer_id, origin) VALUES (51, 2, 5, 'grab')"),
        Plant(
            "I14: distribution 50", "one more than a seller may hold",
            "INSERT INTO paidan.rank_limit (user_id, holding_cap) VALUES (1, 1)",
            "UPDATE crm_customer SET consultant_id = 1, recv_date = paidan.today() WHERE id = 2",
            "INSERT INTO crm_customerdistribution (id, user_id, customer_id, origin) VALUES (50, 1, 2, 'grab')"),
    ]

    static let slots: [Plant] = [
        Plant(
            "I6: distribution 50", "assigned without a slot", give2,
            "INSERT INTO crm_customerdistribution (id, user_id, customer_id, origin) VALUES (50, 2, 2, 'auto')"),
        Plant(
            "I6: distribution 2", "entered by its seller, and a slot used for it",
            use(for: 2, of: 3)),
        Plant(
            "I6: distribution 1", "two slots used for one",
            use(for: 1, of: 1)),
        Plant(
            "I6: slot of distribution 99", "a slot used for nothing",
            use(for: 99, of: 1)),
        Plant(
            "I6: slot of distribution 98", "a slot of an undone row that no archive has",
            "UPDATE paidan.assign_slot SET reason = 'undone', customer_id = 1, distribution_id = 98 WHERE pos = 2"),
        Plant(
            "I6: distribution 1", "a place of a cycle taken twice",
            """
            INSERT INTO paidan.assign_slot (cycle_no, pos, user_id, state, customer_id, distribution_id)
            VALUES (1, 1, 1, 'used', 1, 1)
            """,
            refused: "23505", lift: "ALTER TABLE paidan.assign_slot DROP CONSTRAINT assign_slot_pkey"),
        Plant("I7: cycle 1", "a slot too few", "DELETE FROM paidan.assign_slot WHERE pos = 2"),
        Plant(
            "I7: cycle 1", "a share of a closed cycle changed",
            "UPDATE paidan.assign_quota SET num = 2 WHERE user_id = 2"),
        Plant(
            "I8: cycle 2", "two open cycles", "INSERT INTO paidan.assign_cycle (cycle_no) VALUES (2), (3)",
            refused: "23505", lift: "DROP INDEX paidan.assign_cycle_open"),
        Plant(
            "I8: cycle 1", "a closed cycle with a free slot",
            "UPDATE paidan.assign_slot SET state = 'free', reason = NULL WHERE pos = 2"),
        Plant(
            "I13: seller 1", "the slot of one seller used for another",
            "UPDATE paidan.assign_slot SET user_id = 3 - user_id"),
        Plant(
            "I13: seller 2", "an undone row that no slot gave",
            """
            INSERT INTO crm_customerdistribution (id, user_id, customer_id, origin, status) VALUES (50, 2, 5, 'auto', 7)
            """),
    ]

    static let reports: [Plant] = [
        Plant("I10: import 1", "rows unaccounted for", "UPDATE paidan.import_batch SET rows_read = 11"),
        Plant("I10: import 1", "a stored customer that is not there", "DELETE FROM crm_customer WHERE id = 5"),
        Plant("I10: import 1", "a customer it never stored", "UPDATE crm_customer SET import_id = 1 WHERE id = 2"),
        Plant(
            "I11: delivery 1", "the same event told twice",
            "INSERT INTO paidan.delivery (id, event_id, channel, recipient_key) VALUES (50, 1, 'mail', 'user:1')",
            refused: "23505",
            lift: "ALTER TABLE paidan.delivery DROP CONSTRAINT delivery_event_id_channel_recipient_key_part_key"),
        Plant(
            "I11: delivery 1", "two events of one key",
            "INSERT INTO paidan.event (id, type, dedupe_key) VALUES (50, 'assigned', 'a')",
            "INSERT INTO paidan.delivery (id, event_id, channel, recipient_key) VALUES (50, 50, 'mail', 'user:1')",
            refused: "23505", lift: "ALTER TABLE paidan.event DROP CONSTRAINT event_dedupe_key_key"),
    ]

    /// Carries statements out, looks, and takes them back.
    private struct Found: Error { let broken: [String] }

    private func broken(by statements: [SQL], _ story: Story) async throws -> [String] {
        do {
            return try await story.pool.transaction { tx -> [String] in
                _ = try tx.query("SELECT set_config('paidan.writer', 'service', true)")
                for statement in statements { _ = try tx.query(statement) }
                throw Found(broken: try Invariants.violations(in: &tx))
            }
        } catch let found as Found { return found.broken }
    }

    @Test(
        "a plant is refused by the database where it can, and found by its query",
        arguments: [customers, distributions, slots, reports])
    func planted(_ plants: [Plant]) async throws {
        try await Story.tell { story in
            for statement in Self.ground { try await story.service(statement) }
            for plant in plants {
                #expect(try await story.broken() == [], "before \(plant.what)")
                if let refused = plant.refused {
                    let state = try await sqlState { _ = try await broken(by: plant.sql, story) }
                    #expect(state == refused, "\(plant.what)")
                    // What only a constraint forbids and no query looks for.
                    if plant.lift.isEmpty { continue }
                }
                let found = try await broken(by: plant.lift + plant.sql, story)
                #expect(found.contains(plant.found), "\(plant.what): \(found)")
            }
        }
    }

    @Test("all fourteen have a query, and each query has found a plant")
    func complete() {
        let names = (1...14).map { "I\($0)" }
        #expect(Set(Invariants.all.map(\.name)) == Set(names))
        let planted = Self.customers + Self.distributions + Self.slots + Self.reports
        let proved = planted.filter { $0.refused == nil || !$0.lift.isEmpty }.map { $0.found.prefix { $0 != ":" } }
        #expect(Set(proved) == Set(names.map { Substring($0) }))
    }

    @Test("caps that were lowered or raised later do not count for what was given before")
    func earlierCaps() async throws {
        try await Story.tell { story in
            for statement in Self.ground { try await story.service(statement) }
            let held: SQL = "INSERT INTO crm_customerdistribution (user_id, customer_id, origin) VALUES (2, 2, 'grab')"
            try await story.service(Self.give2, held)
            try await story.service("INSERT INTO paidan.rank_limit VALUES (2, 0, 0), (1, 0, 0)")
            #expect(try await story.broken() == [])
            try await story.service("UPDATE paidan.rank_limit SET daily_cap = 9, holding_cap = 9 WHERE user_id = 2")
            try await story.service(
                "UPDATE crm_customer SET consultant_id = 2, recv_date = paidan.today() WHERE id = 5",
                "INSERT INTO crm_customerdistribution (user_id, customer_id, origin) VALUES (2, 5, 'grab')")
            try await story.service("UPDATE paidan.rank_limit SET daily_cap = 0, holding_cap = 0")
            #expect(try await story.broken() == [])
            try await story.service("DELETE FROM paidan.rank_limit")
            #expect(try await story.broken() == [])
        }
    }
}
