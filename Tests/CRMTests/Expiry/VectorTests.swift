import Postgres
import Testing

@testable import CRM

@Suite("Expiry, as the business rules' table says") struct VectorTests {
    @Test(
        "by the functions of the triggers, a forecast days ahead, one of the day, and the sweep",
        arguments: ExpiryVector.all)
    func vector(_ vector: ExpiryVector) async throws {
        try await ExpiryLab.with { lab in
            let forecasts = ForecastStore(pool: lab.pool)
            try await lab.stand(at: vector.now)
            let day = try await forecasts.today()
            try await lab.stand(at: vector.followed ?? vector.received)
            let id = try await vector.customer(in: lab)
            let ahead = try await forecasts.forecast(asOf: day)
            #expect(ahead.asOf == day)
            #expect(Self.items(ahead) == vector.item(id))

            try await lab.stand(at: vector.now)
            try await functions(vector, id, lab)
            let forecast = try await forecasts.forecast(asOf: nil)
            #expect(forecast.counts.total == (vector.result == nil ? 0 : 1))
            #expect(Self.items(forecast) == vector.item(id))
            #expect(try await lab.story(id) == "1:1 | private")
            #expect(try await lab.sweep().hasSuffix(vector.counts))
            #expect(try await lab.story(id) == vector.story)
        }
    }

    /// What every write path does first, taken back at the end.
    private func functions(_ vector: ExpiryVector, _ id: Int, _ lab: ExpiryLab) async throws {
        let judged = try await lab.text(
            """
            SELECT CASE WHEN paidan.expired_on(recv_date, last_consult_date, protected_until) <= paidan.today()
                THEN paidan.expiry_status(recv_date, last_consult_date) || ' '
                    || paidan.expired_on(recv_date, last_consult_date, protected_until) END
            FROM crm_customer WHERE id = \(id)::bigint
            """)
        #expect(judged == vector.result)
        let (isExpired, story) = try await lab.service { tx in
            _ = try tx.query("SAVEPOINT before")
            let isExpired = try tx.query("SELECT paidan.expire_customer(\(id)::bigint)")[0].bool(0)
            let story = try tx.query(ExpiryLab.story(id))[0].text(0)
            _ = try tx.query("ROLLBACK TO SAVEPOINT before")
            return (isExpired, story)
        }
        #expect(isExpired == (vector.result != nil))
        #expect(story == vector.story)
    }

    private static func items(_ forecast: Forecast) -> String {
        forecast.items.map { String(decoding: $0, as: UTF8.self) }.joined()
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
