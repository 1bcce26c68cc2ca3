import Postgres
import Testing

@testable import CRM

@Suite("Whom the sweep tells") struct ExpiredEventTests {
    @Test("one event a seller, with reasons and names; the second sweep tells nobody again")
    func sellers() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-23 00:05")
            try await lab.customers(2, of: 1, received: "2018-05-19")
            try await lab.customers(1, of: 1, received: "2018-05-07", followed: "2018-05-22")
            try await lab.customers(60, of: 2, received: "2018-05-19")
            try await lab.sweep()
            try await lab.sweep()
            let events = try await lab.events("expired")
            #expect(events.count == 2)
            #expect(events.first == "user:1 3 2/1 客1,客2,客1")
            #expect(events.last?.hasPrefix("user:2 60 60/0 客1,") == true)
            #expect(
                try await lab.count(
                    "SELECT jsonb_array_length(payload -> 'customers') FROM paidan.event ORDER BY id DESC LIMIT 1")
                    == 50)
            let tail = try await lab.text("SELECT payload #>> '{customers,0,qq_last4}' FROM paidan.event LIMIT 1")
            #expect(tail?.count == 4)
            #expect(try await lab.count("SELECT count(*) FROM paidan.event WHERE payload::text LIKE '%10000%'") == 0)
        }
    }

    @Test("also of what a write path, a note of a page and a page's own expiry ended, each once")
    func lazily() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-23 00:05")
            let ids = try await lab.customers(4, received: "2018-05-19")
            _ = try await lab.service { try $0.query("SELECT paidan.expire_customer(\(ids[0])::bigint)") }
            try await lab.note(ids[1], by: 1)
            // A page that is not switched off yet: distribution first, then the customer.
            _ = try await lab.pool.query(
                "UPDATE crm_customerdistribution SET status = 3 WHERE customer_id = \(ids[2])::bigint")
            _ = try await lab.pool.query("UPDATE crm_customer SET consultant_id = NULL WHERE id = \(ids[2])::bigint")
            #expect(try await lab.sweep() == #"{"as_of":"2018-05-23","3":1,"4":0}"#)
            #expect(try await lab.events("expired") == ["user:1 4 4/0 客1,客2,客3,客4"])
            try await lab.at("2018-05-24 00:05")
            try await lab.sweep()
            #expect(try await lab.events("expired").count == 1)
        }
    }

    @Test("a lazy expiry is told of even if it was due weeks ago")
    func weeksAgo() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-06-30 10:00")
            let id = try await lab.customers(received: "2018-05-19")[0]
            try await lab.note(id, by: 1)
            #expect(try await lab.story(id) == "1:3:2018-05-23 | public 2018-05-23")
            try await lab.sweep()
            #expect(try await lab.events("expired") == ["user:1 1 1/0 客1"])
        }
    }
}
