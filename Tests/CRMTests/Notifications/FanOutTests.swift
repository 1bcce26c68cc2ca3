import Foundation
import Jobs
import Postgres
import TestSupport
import Testing

@testable import CRM

@Suite struct FanOutTests {
    private struct Refused: Error {}

    private static let toSellers = DeliveryPublisher {
        NotificationRoutes(["assigned": [.init(channel: "mail", speaksToGroup: false)]])
    }

    /// - Returns: true if the transaction failed as it should.
    private static func publishAndFail(_ pool: PostgresPool) async -> Bool {
        do {
            try await pool.transaction { tx in
                try toSellers.publish([NotifyLab.assigned("张三")], in: &tx)
                throw Refused()
            }
            return false
        } catch {
            return error is Refused
        }
    }

    private static let everybody = [
        "assigned": ["mail", "wecom", "mail"], "import_finished": ["mail"], "no_capacity": ["mail", "ding"],
        "offboard": ["mail"],
    ]

    @Test("events go to whom they concern, over the channels of their route, with a job for each delivery")
    func audiences() async throws {
        try await NotifyLab.with(Self.everybody) { lab in
            let finished = NewEvent(
                type: "import_finished", subject: "import:7", dedupeKey: "import_finished:7",
                payload: Array("{\"import_id\":7,\"uploaded_by\":21}".utf8))
            let left = NewEvent(
                type: "offboard", subject: "user:2", dedupeKey: "offboard:2:1",
                payload: Array("{\"user_id\":2,\"count\":3}".utf8))
            let unrouted = NewEvent(
                type: "grabbed", subject: "customer:1", dedupeKey: "grabbed:1", payload: Array("{}".utf8))
            try await lab.publish([NotifyLab.assigned("张三"), finished, NotifyLab.noCapacity(), left, unrouted])
            var rows = try await lab.pool.query(
                """
                SELECT concat_ws(' ', e.type, d.channel, d.recipient_key) FROM paidan.delivery d
                JOIN paidan.event e ON e.id = d.event_id
                """
            ).map { try $0.text(0) }
            rows.sort()
            #expect(
                rows == [
                    "assigned mail user:1", "assigned wecom group", "import_finished mail account:21",
                    "no_capacity ding group", "no_capacity mail account:11", "no_capacity mail account:12",
                    "offboard mail account:11", "offboard mail account:12",
                ])
            #expect(try await lab.count("SELECT count(*) FROM paidan.event") == 5)
            #expect(try await lab.openJobs().count == 8)
            // Only a group's messages wait for company.
            #expect(
                try await lab.count(
                    """
                    SELECT count(*) FROM paidan.outbox o JOIN paidan.delivery d ON d.id = (o.args ->> 'delivery_id')::bigint
                    WHERE (d.recipient_key = 'group') = coalesce(o.run_at > now() + interval '4 seconds', false)
                    """) == 8)
            #expect(
                try await lab.count(
                    "SELECT count(*) FROM paidan.delivery WHERE expires_at = created_at + interval '24 hours'") == 8)
        }
    }

    @Test("an event that is known adds nothing, in one call or in two")
    func known() async throws {
        try await NotifyLab.with(Self.everybody) { lab in
            try await lab.publish([NotifyLab.assigned("张三"), NotifyLab.assigned("张三")])
            try await lab.publish([NotifyLab.assigned("张三", to: 2)])
            #expect(try await lab.count("SELECT count(*) FROM paidan.event") == 1)
            #expect(try await lab.story() == ["pending", "pending"])
            #expect(try await lab.openJobs().count == 2)
        }
    }

    @Test("an event is undone with the transaction that it tells of")
    func rolledBack() async throws {
        try await NotifyLab.with(Self.everybody) { lab in
            #expect(await Self.publishAndFail(lab.pool))
            let events = try await lab.count("SELECT count(*) FROM paidan.event")
            #expect(events == 0)
            #expect(try await lab.story().isEmpty)
            #expect(try await lab.openJobs().isEmpty)
        }
    }

    @Test("a seller without an id, an uploader without an account: an event and no delivery")
    func nobody() async throws {
        try await NotifyLab.with(Self.everybody) { lab in
            try await lab.publish([
                NewEvent(
                    type: "import_finished", subject: "import:8", dedupeKey: "x",
                    payload: Array("{\"uploaded_by\":null}".utf8))
            ])
            #expect(try await lab.count("SELECT count(*) FROM paidan.event") == 1)
            #expect(try await lab.story().isEmpty)
        }
    }

    @Test("the assignment's hooks publish its events")
    func hooks() async throws {
        try await NotifyLab.with(Self.everybody) { lab in
            let hooks = AssignmentEvents(publisher: Self.toSellers).hooks { _, _, _, _ in }
            try await lab.pool.transaction { tx in
                try tx.run(
                    script: """
                        INSERT INTO crm_customer (id, qq, name, consultant_id, recv_date) VALUES (5, '100864321', '张三', 1, paidan.today());
                        INSERT INTO crm_customerdistribution (id, user_id, customer_id, origin) VALUES (50, 1, 5, 'import')
                            ON CONFLICT DO NOTHING;
                        """)
                let distribution = try tx.query(
                    "SELECT id FROM crm_customerdistribution WHERE customer_id = 5 AND status = 1")[0].int(0)
                let owner = NewOwner(customer: 5, user: 1, distribution: distribution)
                try hooks.assigned([owner], &tx)
                try hooks.assigned([owner], &tx)
                try hooks.offboarded(2, 3, &tx)
                try hooks.noCapacity(7, 1000, &tx)
                try hooks.noCapacity(8, 1000, &tx)
            }
            let events = try await lab.pool.query(
                "SELECT type || ' ' || subject || ' ' || (payload ->> 'count') FROM paidan.event ORDER BY id"
            ).map { $0.optionalText(0) }
            #expect(events == ["assigned customer:5 1", "offboard user:2 3", nil])
            let customer = try await lab.text(
                "SELECT payload -> 'customers' -> 0 ->> 'qq_last4' FROM paidan.event WHERE id = 1")
            #expect(customer == "4321")
            #expect(try await lab.text("SELECT payload::text LIKE '%10086%' FROM paidan.event WHERE id = 1") == "f")
            #expect(try await lab.story() == ["pending"])
        }
    }

    @Test("an import's last chunk tells each seller once, with the count of what he got")
    func importOwners() async throws {
        try await NotifyLab.with { lab in
            let store = ImportStore(pool: lab.pool, settings: ImportSettings(), events: Self.toSellers)
            try await lab.pool.transaction { tx in
                try tx.run(
                    script: """
                        INSERT INTO paidan.import_batch (id, file_name, sha256) VALUES (12, '客户.csv', '\\x00');
                        INSERT INTO crm_customer (id, qq, name, consultant_id, recv_date)
                            SELECT n, (10000 + n)::text, '客' || n, 1 + n % 2, paidan.today() FROM generate_series(1, 121) n;
                        INSERT INTO crm_customerdistribution (user_id, customer_id, origin)
                            SELECT 1 + n % 2, n, 'import' FROM generate_series(1, 121) n;
                        INSERT INTO paidan.import_row (import_id, row, state, customer_id)
                            SELECT 12, n, 'ok', n FROM generate_series(1, 121) n;
                        """)
                try store.publishOwners(12, in: &tx)
                try store.publishOwners(12, in: &tx)
            }
            let events = try await lab.pool.query(
                """
                SELECT dedupe_key || ' ' || (payload ->> 'count') || ' ' || jsonb_array_length(payload -> 'customers')
                FROM paidan.event ORDER BY id
                """
            ).map { try $0.text(0) }
            #expect(events == ["assigned:import:12:1 60 50", "assigned:import:12:2 61 50"])
            #expect(try await lab.story() == ["pending", "pending"])
        }
    }
}
