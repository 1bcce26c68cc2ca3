import Foundation
import Postgres
import TestSupport
import Testing

@testable import CRM

/// `SWEEP_CUSTOMERS=1000000` is the long form, on a durable server, which prints its times.
@Suite("The sweep of many customers") struct SweepScaleTests {
    private static let long = ProcessInfo.processInfo.environment["SWEEP_CUSTOMERS"].flatMap { Int($0) }
    private static let customers = long ?? 20_000
    private static let sellers = 200

    @Test("reads what is due and not the others; nobody is left over; each seller is told once")
    func many() async throws {
        guard Self.long != nil else { return try await ExpiryLab.with { try await sweep($0) } }
        // The times are those of a server that keeps its promises.
        try await PrivatePostgres.with(
            settings: ["shared_buffers=1GB", "fsync=on", "paidan.test_clock=on", "max_wal_size=8GB"]
        ) { server in
            try await AssignmentLab.migrate(server.conninfo)
            var configuration = PostgresConfiguration(conninfo: server.conninfo)
            configuration.sessions = 2
            configuration.deadline = .seconds(900)
            let pool = PostgresPool(configuration)
            defer { pool.close() }
            try await sweep(ExpiryLab(pool, server.conninfo))
        }
    }

    private func sweep(_ lab: ExpiryLab) async throws {
        try await lab.stand(at: "2018-05-23 00:05")
        // 6 of 100 were followed up last on the 19th, the others in the three days since.
        try await fill(lab)
        let due = Self.customers / 100 * 6
        let plan = try await lab.pool.transaction { tx in
            let day = try ExpiryDay.read(in: &tx)
            return try tx.query("EXPLAIN (COSTS OFF) \(ExpirySQL.candidates("c.id", on: day))").map { try $0.text(0) }
        }.joined(separator: "\n")
        #expect(plan.contains("crm_customer_due"), "\(plan)")
        #expect(!plan.contains("Seq Scan on crm_customer"), "\(plan)")
        let forecast = try await timed("forecast of \(due) due") {
            try await ForecastStore(pool: lab.pool).forecast(asOf: nil)
        }
        #expect(forecast.counts == SweepCounts(notFollowed: due))
        let everybody = try await timed("forecast of all \(Self.customers)") {
            try await ForecastStore(pool: lab.pool).forecast(asOf: "2018-07-01")
        }
        #expect(everybody.counts.total == Self.customers)
        #expect(
            try await timed("nightly sweep", rows: due) { try await lab.sweep() }
                == "{\"as_of\":\"2018-05-23\",\"3\":\(due),\"4\":0}")
        #expect(try await lab.count("SELECT count(*) FROM paidan.event WHERE type = 'expired'") == Self.sellers)
        let again = try await timed("sweep that finds nothing") { try await lab.sweep() }
        #expect(again == #"{"as_of":"2018-05-23","3":0,"4":0}"#)
        try await lab.stand(at: "2018-05-25 09:00")
        _ = try await timed("reminder") { try await lab.remind() }
        try await lab.stand(at: "2018-07-01 00:05")
        let rest = Self.customers - due
        #expect(
            try await timed("sweep of all", rows: rest) { try await lab.sweep() }.hasPrefix("{\"as_of\":\"2018-07-01\"")
        )
        #expect(try await lab.count("SELECT count(*) FROM crm_customer WHERE pool_state = 'private'") == 0)
        #expect(
            try await lab.count("SELECT sum((payload ->> 'count')::int) FROM paidan.event WHERE type = 'expired'")
                == Self.customers)
    }

    private func fill(_ lab: ExpiryLab) async throws {
        try await lab.service { tx in
            _ = try tx.query(
                """
                INSERT INTO crm_userinfo (id, name, username, depart_id)
                SELECT id, '销售' || id, 'u' || id, 1001 FROM generate_series(1, \(Self.sellers)::int) id
                """)
            _ = try tx.query(
                """
                INSERT INTO crm_customer (qq, name, consultant_id, recv_date, last_consult_date)
                SELECT (100000 + n)::text, '客' || n, 1 + (n / 100) % \(Self.sellers)::int,
                    CASE WHEN n % 100 < 6 THEN last ELSE '2018-05-08'::date + n % 12 END, last
                FROM generate_series(0, \(Self.customers - 1)::int) n, LATERAL (
                    SELECT CASE WHEN n % 100 < 6 THEN '2018-05-19'::date ELSE '2018-05-20'::date + n % 3 END AS last) d
                """)
            _ = try tx.query(
                """
                INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, origin)
                SELECT consultant_id, id, recv_date, 'manual' FROM crm_customer
                """)
        }
        for table in ["crm_customer", "crm_customerdistribution"] {
            _ = try await lab.pool.query("VACUUM ANALYZE \(raw: table)")
        }
    }

    private func timed<Result>(
        _ what: String, rows: Int? = nil, _ body: () async throws -> Result
    ) async throws -> Result {
        let start = ContinuousClock.now
        let result = try await body()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        if Self.long != nil {
            let rate = rows.map { ", \(Int(Double($0) / seconds)) customers/s" } ?? ""
            print("\(what): \((seconds * 100).rounded() / 100) s\(rate)")
        }
        return result
    }
}
