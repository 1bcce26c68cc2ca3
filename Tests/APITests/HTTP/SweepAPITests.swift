import CRM
import Postgres
import Testing

@testable import PaidanCommand

@Suite struct SweepAPITests {
    /// Adds customers of a seller whose last follow-up was so many days ago.
    private func customers(_ count: Int, followed daysAgo: Int, _ service: TestService) async throws -> String {
        let token = try await service.token(for: "sweeper", roles: ["销售"], seller: true)
        let seller = try await service.ask("GET", "/v1/me", token: token).json["seller_id"].string ?? ""
        try await service.composition.pool.transaction { tx in
            Author.set("test", in: &tx)
            _ = try tx.query(
                """
                WITH made AS (
                    INSERT INTO crm_customer (qq, name, consultant_id, recv_date, last_consult_date)
                    SELECT gen_random_uuid()::text, '客' || n, \(Int(seller) ?? 0)::bigint, day, day
                    FROM generate_series(1, \(count)::int) n, (SELECT paidan.today() - \(daysAgo)::int AS day) d
                    RETURNING id, consultant_id, recv_date)
                INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, origin)
                SELECT consultant_id, id, recv_date, 'manual' FROM made
                """)
        }
        return seller
    }

    private func day(_ offset: Int, _ service: TestService) async throws -> String {
        try await service.composition.pool.query("SELECT paidan.today() + \(offset)::int")[0].text(0)
    }

    @Test("a sweep is a job; a forecast is an answer with everybody, also for a day to come")
    func sweepAndForecast() async throws {
        try await TestService.with { service in
            let seller = try await customers(1300, followed: 5, service)
            _ = try await customers(20, followed: 2, service)
            let today = try await day(0, service)
            var forecast = try await service.ask("POST", "/v1/sweeps", #"{"dry_run": true}"#)
            #expect(forecast.status == 200, "\(forecast.text.prefix(300))")
            #expect(forecast["content-type"] == "application/json; charset=utf-8")
            #expect(forecast.json["as_of"].string == today)
            #expect(forecast.json["counts"].raw == #"{"3":1300,"4":0}"#)
            let items = forecast.json["items"].items
            #expect(items.count == 1300)
            #expect(Set(items.compactMap { $0["customer_id"].string }).count == 1300)
            let expected = try await day(-1, service)
            #expect(
                items.allSatisfy {
                    $0["user_id"].string == seller && $0["status"].int == 3 && $0["ended_on"].string == expected
                })
            let ahead = try await day(2, service)
            forecast = try await service.ask("POST", "/v1/sweeps", #"{"dry_run": true, "as_of": "\#(ahead)"}"#)
            #expect(forecast.json["counts"].raw == #"{"3":1320,"4":0}"#)
            let early = try await day(-30, service)
            forecast = try await service.ask("POST", "/v1/sweeps", #"{"dry_run": true, "as_of": "\#(early)"}"#)
            #expect(forecast.json["items"].raw == "[]")

            let answer = try await service.ask("POST", "/v1/sweeps", "{}")
            #expect(answer.status == 202, "\(answer.text)")
            let id = answer.json["id"].string ?? ""
            #expect(answer["location"] == "/v1/jobs/\(id)")
            #expect(answer.json["kind"].string == "pool.sweep")
            let job = try await service.job(id, in: "succeeded")
            #expect(job["result"].raw == #"{"as_of":"\#(today)","3":1300,"4":0}"#)
            #expect(job["progress"]["total"].int == 1300)
            let again = try await service.ask("POST", "/v1/sweeps", #"{"as_of": "\#(today)"}"#).json["id"].string ?? ""
            #expect(again != id)
            let result = try await service.job(again, in: "succeeded")["result"].raw
            #expect(result == #"{"as_of":"\#(today)","3":0,"4":0}"#)
        }
    }

    @Test("a second click while it waits is the same job")
    func twice() async throws {
        try await TestService.with { service in
            _ = try await service.ask("POST", "/v1/queues/bulk/pause")
            let first = try await service.ask("POST", "/v1/sweeps", "{}").json["id"].string
            let day = try await day(0, service)
            let second = try await service.ask("POST", "/v1/sweeps", #"{"as_of": "\#(day)"}"#)
            #expect(second.status == 202)
            #expect(second.json["id"].string == first)
            let other = try await self.day(-1, service)
            #expect(
                try await service.ask("POST", "/v1/sweeps", #"{"as_of": "\#(other)"}"#).json["id"].string != first)
        }
    }

    @Test(
        "what is wrong is named",
        arguments: [
            (#"{"as_of": "2999-01-01"}"#, "/as_of"), (#"{"as_of": "2026-02-30", "dry_run": true}"#, "/as_of"),
            (#"{"as_of": 5}"#, "/as_of"), (#"{"dry_run": "yes"}"#, "/dry_run"), (#"{"day": "2026-01-01"}"#, "/day"),
        ])
    func wrong(_ body: String, _ pointer: String) async throws {
        let service = try await TestService.shared.value
        let answer = try await service.ask("POST", "/v1/sweeps", body)
        expectProblem(answer, 422)
        #expect(answer.json["errors"].items.map { $0["pointer"].string } == [pointer], "\(answer.text)")
    }

    @Test("managers and the scheduler's token may, a seller may not")
    func permission() async throws {
        let service = try await TestService.shared.value
        for (role, status) in [("运营", 200), ("调度", 200), ("销售", 403)] {
            let token = try await service.token(for: "sweeps-\(role)", roles: [role])
            let answer = try await service.ask("POST", "/v1/sweeps", #"{"dry_run": true}"#, token: token)
            #expect(answer.status == status, "\(role)")
        }
    }

    @Test("a job of a day to come that came by another door is dead, and says why")
    func futureJob() async throws {
        let service = try await TestService.shared.value
        for kind in ["pool.sweep", "pool.remind"] {
            let answer = try await service.ask(
                "POST", "/v1/jobs", #"{"kind": "\#(kind)", "args": {"as_of": "2999-01-01"}}"#)
            let job = try await service.job(answer.json["id"].string ?? "", in: "dead")
            #expect(job["error"]["code"].string == "future_as_of")
            expectProblem(
                try await service.ask("POST", "/v1/jobs", #"{"kind": "\#(kind)", "args": {"as_of": "yesterday"}}"#), 422
            )
        }
    }
}
