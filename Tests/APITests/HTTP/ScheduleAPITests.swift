import Jobs
import JobsPostgres
import Testing

@testable import PaidanCommand

@Suite struct ScheduleAPITests {
    private static let nightly = "%E5%A4%9C%E9%97%B4%201"

    @Test func listsLastAndNextFire() async throws {
        let service = try await TestService.shared.value
        let all = try await service.ask("GET", "/v1/schedules")
        #expect(all.status == 200)
        #expect(all.json["next_cursor"].isNull)
        let items = all.json["items"].items
        #expect(items.map { $0["name"].string } == ["waiting", "夜间 1"])
        let nightly = try #require(items.last)
        #expect(nightly["kind"].string == "noop")
        #expect(nightly["cron"].string == "5 0 * * *")
        #expect(nightly["timezone"].string == "Asia/Shanghai")
        #expect(nightly["problem"].isNull)
        let next = try #require(nightly["next_fire_at"].string)
        #expect(next.hasSuffix("T00:05:00.000+08:00"), "\(next)")
        // A kind of a later release, and a day that does not come.
        #expect(items[0]["problem"].string?.contains("survey.open") == true)
        #expect(items[0]["next_fire_at"].isNull)

        let ledger = PostgresScheduleLedger(pool: service.composition.pool)
        let schedule = try #require(service.composition.conf.allSchedules.first { $0.name == "夜间 1" })
        // 2026-03-01T00:05 in Shanghai.
        _ = try await ledger.fire(schedule, at: 1_772_294_700_000, enqueues: true)
        let after = try await service.ask("GET", "/v1/schedules").json["items"].items.last
        #expect(after?["last_fire_at"].string == "2026-03-01T00:05:00.000+08:00")
    }

    @Test func runEnqueuesTheJobNow() async throws {
        let service = try await TestService.shared.value
        let ran = try await service.ask("POST", "/v1/schedules/\(Self.nightly)/run")
        #expect(ran.status == 202)
        let id = try #require(ran.json["id"].string)
        #expect(ran["location"] == "/v1/jobs/\(id)")
        #expect(ran.json["kind"].string == "noop")
        let done = try await service.job(id, in: "succeeded")
        #expect(done["args"].raw == #"{"result": {"n": 1.0}}"#)
    }

    @Test func refusals() async throws {
        let service = try await TestService.shared.value
        for name in ["nowhere", "%E5%A4%9C", ".x"] {
            expectProblem(try await service.ask("POST", "/v1/schedules/\(name)/run"), 404, "not_found")
        }
        expectProblem(try await service.ask("POST", "/v1/schedules/waiting/run"), 409, "unknown_kind")
        expectProblem(try await service.ask("GET", "/v1/schedules?state=x"), 422, "invalid")
        expectProblem(try await service.ask("DELETE", "/v1/schedules"), 405, "method_not_allowed")
        let seller = try await service.token(for: "schedule-seller", roles: ["销售"])
        expectProblem(try await service.ask("GET", "/v1/schedules", token: seller), 403, "forbidden")
        let staff = try await service.token(for: "schedule-staff", roles: ["运营"])
        #expect(try await service.ask("GET", "/v1/schedules", token: staff).status == 200)
        expectProblem(
            try await service.ask("POST", "/v1/schedules/\(Self.nightly)/run", token: staff), 403, "forbidden")
    }
}
