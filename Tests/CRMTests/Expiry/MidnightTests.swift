import Postgres
import TestSupport
import Testing

@testable import CRM

/// Whenever the sweep runs, and whether it runs, the same happens to everybody.
@Suite("As if at midnight") struct MidnightTests {
    /// One thing that happens at a moment.
    private enum Action: Sendable {
        case note(customer: Int, seller: Int)
        case grab(customer: Int, seller: Int)
        case lookAt(customer: Int)
        case sweep
    }

    private struct Step: Sendable, CustomStringConvertible {
        /// Minutes since 2018-05-01 00:00.
        let minute: Int
        let action: Action

        var description: String { "\(minute / 1440 + 1) \(minute % 1440 / 60):\(minute % 60) \(action)" }
    }

    private static let sellers = 4
    private static let customers = 12
    private static let days = 40

    /// What people do in forty days, in order; no sweeps.
    private static func story(_ random: inout some RandomNumberGenerator) -> [Step] {
        let steps = (0..<220).map { _ in
            let customer = Int.random(in: 1...customers, using: &random)
            let seller = Int.random(in: 1...sellers, using: &random)
            // Often in the minutes around midnight.
            var minute = Int.random(in: 0..<days * 1440, using: &random)
            if Bool.random(using: &random) {
                minute = minute / 1440 * 1440 + [0, 1, 1439].randomElement(using: &random)!
            }
            let action: Action =
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<5: .note(customer: customer, seller: seller)
                case 5..<9: .grab(customer: customer, seller: seller)
                default: .lookAt(customer: customer)
                }
            return Step(minute: minute, action: action)
        }
        return steps.sorted { $0.minute < $1.minute }
    }

    /// The same with a sweep on some days, at 00:05, 02:00 or any minute.
    private static func swept(_ story: [Step], _ random: inout some RandomNumberGenerator) -> [Step] {
        let sweeps = (0..<days).filter { _ in Int.random(in: 0..<3, using: &random) > 0 }.map { day in
            Step(
                minute: day * 1440 + [5, 120, Int.random(in: 0..<1440, using: &random)].randomElement(using: &random)!,
                action: .sweep)
        }
        return (story + sweeps).sorted { $0.minute < $1.minute }
    }

    @Test("sweeps taken out at random: the same distributions and customers", arguments: 0..<4)
    func same(_ number: Int) async throws {
        var random = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 0...UInt64.max, using: &random)
        var source = Seeded(state: seed)
        let story = Self.story(&source)
        let never = try await Self.history(story)
        #expect(never.contains { $0.contains("grab") }, "nobody grabbed anything, seed \(seed)")
        let sometimes = Self.swept(story, &source)
        let found = try await Self.history(sometimes)
        if found != never {
            let difference = zip(never, found).first { $0 != $1 }
            Issue.record(
                """
                seed \(seed): without sweeps \(difference?.0 ?? ""), with sweeps \(difference?.1 ?? "")
                \(sometimes.map(\.description).joined(separator: "\n"))
                """)
        }
    }

    /// Every distribution and every customer after the story and a last sweep.
    private static func history(_ steps: [Step]) async throws -> [String] {
        var history: [String] = []
        try await ExpiryLab.with { lab in
            let desk = OwnershipDesk(pool: lab.pool, settings: PoolSettings(), publisher: EventTable())
            try await lab.sellers(1, 2, 3, 4)
            try await lab.at("2018-05-01 00:00:00")
            for customer in 1...customers {
                try await lab.customers(of: customer % sellers + 1, received: "2018-05-01")
            }
            let days = try await lab.pool.query(
                "SELECT (timestamp '2018-05-01' + n * interval '1 minute')::text FROM unnest(\(steps.map(\.minute))::int[]) n"
            ).map { try $0.text(0) }
            for (step, time) in zip(steps, days) {
                try await lab.at(time)
                switch step.action {
                case .note(let customer, let seller): try await lab.note(customer, by: seller)
                case .grab(let customer, let seller): _ = try await desk.grab(customer, by: caller(seller))
                case .lookAt(let customer):
                    _ = try await lab.service { try $0.query("SELECT paidan.expire_customer(\(customer)::bigint)") }
                case .sweep: try await lab.sweep()
                }
            }
            try await lab.at("2018-07-01 00:05")
            try await lab.sweep()
            history = try await lab.pool.query(
                """
                SELECT concat_ws(' ', 'distribution', id, user_id, customer_id, ctime, status, ended_on, origin)
                FROM crm_customerdistribution
                UNION ALL
                SELECT concat_ws(' ', 'customer', id, consultant_id, recv_date, last_consult_date, pool_state, pool_since)
                FROM crm_customer ORDER BY 1
                """
            ).map { try $0.text(0) }
        }
        return history
    }

    private static func caller(_ seller: Int) -> Caller {
        Caller(userID: Int64(seller), name: "u\(seller)", sellerID: Int64(seller), codes: [], menu: [], rules: [])
    }

    /// Random dates, protections, settings and calendars: the sweep's statement says what the functions say.
    @Test(
        "the sweep, asking once for each date, agrees with the rule asked for each customer",
        arguments: ["natural", "workday"])
    func agrees(_ clock: String) async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-06-15 12:00")
            try await lab.sellers(1)
            try await lab.set("clock", clock)
            _ = try await lab.pool.query(
                """
                INSERT INTO paidan.work_calendar
                SELECT '2018-04-01'::date + n, random() < 0.5 FROM generate_series(0, 120) n WHERE random() < 0.3
                """)
            try await lab.service { tx in
                _ = try tx.query(
                    """
                    INSERT INTO crm_customer (qq, name, consultant_id, recv_date, last_consult_date, protected_until)
                    SELECT 'r' || n, 'n', 1, day, day + (random() * 20)::int,
                        CASE WHEN random() < 0.3 THEN day + (random() * 60)::int END
                    FROM generate_series(1, 3000) n, LATERAL (SELECT '2018-04-15'::date + (random() * 62)::int + n * 0 AS day) d
                    """)
                _ = try tx.query(
                    """
                    INSERT INTO crm_customerdistribution (user_id, customer_id, ctime)
                    SELECT 1, id, recv_date FROM crm_customer
                    """)
            }
            for (follow, deal) in [(3, 15), (1, 1), (7, 5)] {
                try await lab.set("follow_up_days", "\(follow)")
                try await lab.set("deal_days", "\(deal)")
                for day in ["2018-05-01", "2018-05-23", "2018-06-15", "2018-07-20"] {
                    let wanted = try await lab.text(
                        """
                        SELECT string_agg(format('{"customer_id":"%s","user_id":"1","status":%s,"ended_on":"%s"}', id,
                            paidan.expiry_status(recv_date, last_consult_date),
                            paidan.expired_on(recv_date, last_consult_date, protected_until)), ',' ORDER BY id)
                        FROM crm_customer
                        WHERE paidan.expired_on(recv_date, last_consult_date, protected_until) <= \(day)::date
                        """)
                    let forecast = try await ForecastStore(pool: lab.pool).forecast(asOf: day)
                    let found = forecast.items.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ",")
                    #expect(found == wanted ?? "", "\(follow) \(deal) \(day)")
                }
            }
            let forecast = try await ForecastStore(pool: lab.pool).counts(asOf: nil)
            #expect(
                try await lab.sweep()
                    == "{\"as_of\":\"2018-06-15\",\"3\":\(forecast.counts.notFollowed),\"4\":\(forecast.counts.notSigned)}"
            )
        }
    }
}

/// A small generator whose state is its seed.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
