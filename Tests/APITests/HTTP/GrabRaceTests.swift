import CRM
import Curl
import Postgres
import Testing

@testable import PaidanCommand

@Suite struct GrabRaceTests {
    /// 25 sellers want each of 20 customers, all at once: the row lock decides.
    @Test func eachCustomerGoesToOneOfMany() async throws {
        try await TestService.with { service in
            let pool = service.composition.pool
            var tokens: [String] = []
            for index in 0..<25 {
                tokens.append(try await service.token(for: "racer \(index)", roles: ["销售"], seller: true))
            }
            let customers = try await pool.transaction { tx in
                Author.set("test", in: &tx)
                return try tx.query(
                    """
                    INSERT INTO crm_customer (qq, name, pool_since)
                    SELECT 620000 + n, '王小明', paidan.today() FROM generate_series(1, 20) n RETURNING id
                    """
                ).map { try $0.int(0) }
            }
            let tokensOfAll = tokens
            var configuration = CurlConfiguration()
            configuration.connectionsPerHost = 500
            configuration.transfers = 500
            let client = CurlClient(configuration, name: "race")
            defer { client.close() }
            let start = ContinuousClock.now
            let answers = try await withThrowingTaskGroup(of: (seller: Int, status: Int, text: String).self) { group in
                for id in customers {
                    for (seller, token) in tokensOfAll.enumerated() {
                        group.addTask {
                            var request = HTTPRequest(
                                "POST", "http://127.0.0.1:\(service.port)/v1/customers/\(id)/grab",
                                headers: [("Authorization", "Bearer \(token)")])
                            request.timeout = .seconds(60)
                            let response = try await client.send(request)
                            return (seller, response.status, String(decoding: response.body, as: UTF8.self))
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let time = ContinuousClock.now - start
            let won = answers.filter { $0.status == 200 }.count
            let taken = answers.filter { $0.status == 409 && $0.text.contains("\"code\":\"taken\"") }.count
            print(
                "\(answers.count) grabs of \(customers.count) customers at once: \(won) won, \(taken) refused, \(time)")
            #expect(won == 20)
            #expect(taken == 480)
            let owned = try await pool.query(
                """
                SELECT count(*), count(DISTINCT d.customer_id), count(*) FILTER (WHERE c.consultant_id = d.user_id)
                FROM crm_customerdistribution d JOIN crm_customer c ON c.id = d.customer_id
                WHERE d.status = 1 AND d.origin = 'grab'
                """)[0]
            #expect(try [owned.int(0), owned.int(1), owned.int(2)] == [20, 20, 20])
            #expect(try await pool.query("SELECT count(*) FROM paidan.event WHERE type = 'grabbed'")[0].int(0) == 20)
            #expect(try await pool.transaction { try Invariants.violations(in: &$0) }.isEmpty)
        }
    }
}
