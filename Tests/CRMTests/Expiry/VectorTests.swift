import Postgres
import Testing

@testable import CRM

@Suite("Expiry, as the business rules' table says") struct VectorTests {
    @Test("by the functions that triggers and pages use", arguments: ExpiryVector.all)
    func functions(_ vector: ExpiryVector) async throws {
        try await ExpiryLab.with { lab in
            try await lab.stand(at: vector.now)
            let id = try await vector.customer(in: lab)
            let judged = try await lab.text(
                """
                SELECT CASE WHEN paidan.expired_on(recv_date, last_consult_date, protected_until) <= paidan.today()
                    THEN paidan.expiry_status(recv_date, last_consult_date) || ' '
                        || paidan.expired_on(recv_date, last_consult_date, protected_until) END
                FROM crm_customer WHERE id = \(id)::bigint
                """)
            #expect(judged == vector.result)
            let isExpired = try await lab.service { tx in
                try tx.query("SELECT paidan.expire_customer(\(id)::bigint)")[0].bool(0)
            }
            #expect(isExpired == (vector.result != nil))
            #expect(try await lab.story(id) == vector.story)
        }
    }

    @Test("by the sweep, and by its forecast before", arguments: ExpiryVector.all)
    func sweep(_ vector: ExpiryVector) async throws {
        try await ExpiryLab.with { lab in
            try await lab.stand(at: vector.now)
            let id = try await vector.customer(in: lab)
            let forecast = try await ForecastStore(pool: lab.pool).forecast(asOf: nil)
            #expect(forecast.counts.total == (vector.result == nil ? 0 : 1))
            #expect(try await lab.sweep().hasSuffix(vector.counts))
            #expect(try await lab.story(id) == vector.story)
            let items = forecast.items.map { String(decoding: $0, as: UTF8.self) }.joined()
            #expect(items == vector.item(id))
        }
    }

    @Test("by the forecast days ahead", arguments: ExpiryVector.all)
    func forecast(_ vector: ExpiryVector) async throws {
        try await ExpiryLab.with { lab in
            let day = try await lab.day(of: vector.now)
            try await lab.at(vector.followed ?? vector.received)
            let id = try await vector.customer(in: lab)
            let forecast = try await ForecastStore(pool: lab.pool).forecast(asOf: day)
            #expect(forecast.asOf == day)
            #expect(forecast.items.map { String(decoding: $0, as: UTF8.self) }.joined() == vector.item(id))
            #expect(try await lab.story(id) == "1:1 | private")
        }
    }

    @Test("a note a millisecond before midnight saves it until the 26th; one at midnight comes too late")
    func notes() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-19 10:00")
            let ids = try await lab.customers(2, received: "2018-05-19")
            try await lab.stand(at: "2018-05-22T15:59:59.999Z")
            try await lab.note(ids[0], by: 1)
            try await lab.stand(at: "2018-05-23 00:00:00")
            try await lab.note(ids[1], by: 1)
            #expect(try await lab.story(ids[0]) == "1:1 | private")
            #expect(try await lab.story(ids[1]) == "1:3:2018-05-23 | public 2018-05-23")
            try await lab.stand(at: "2018-05-25 23:59:59.999")
            #expect(try await lab.sweep() == #"{"as_of":"2018-05-25","3":0,"4":0}"#)
            try await lab.stand(at: "2018-05-26 00:00:00")
            #expect(try await lab.sweep() == #"{"as_of":"2018-05-26","3":1,"4":0}"#)
            #expect(try await lab.story(ids[0]) == "1:3:2018-05-26 | public 2018-05-26")
        }
    }
}

extension ExpiryLab {
    fileprivate func day(of time: String) async throws -> String {
        let moment: SQL =
            time.hasSuffix("Z") ? "\(time)::timestamptz AT TIME ZONE 'Asia/Shanghai'" : "\(time)::timestamp"
        return try await text("SELECT (\(moment))::date") ?? ""
    }
}

extension ExpiryVector {
    fileprivate func customer(in lab: ExpiryLab) async throws -> Int {
        try await lab.customers(received: received, followed: followed, protected: protected)[0]
    }

    private var status: Substring? { result?.split(separator: " ")[0] }
    private var day: Substring? { result?.split(separator: " ")[1] }

    fileprivate var story: String {
        guard let status, let day else { return "1:1 | private" }
        return "1:\(status):\(day) | public \(day)"
    }

    /// The end of a sweep's result.
    fileprivate var counts: String { "\"3\":\(status == "3" ? 1 : 0),\"4\":\(status == "4" ? 1 : 0)}" }

    fileprivate func item(_ id: Int) -> String {
        guard let status, let day else { return "" }
        return "{\"customer_id\":\"\(id)\",\"user_id\":\"1\",\"status\":\(status),\"ended_on\":\"\(day)\"}"
    }
}
