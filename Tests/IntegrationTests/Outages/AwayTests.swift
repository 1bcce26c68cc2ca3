import Jobs
import JobsRedis
import Postgres
import Redis
import TestSupport
import Testing

@Suite("A store is away: what everybody is told")
struct AwayTests {
    @Test("Redis is killed and comes back")
    func redis() async throws {
        try await World.with { world in
            let service = try await world.serve()
            let running = try await world.noops(3, "running", args: "{\"sleep_ms\":8000}")
            try await until("they run", within: .seconds(10)) {
                try await world.store.queues().reduce(0) { $0 + $1.running } == 3
            }
            #expect(try await world.enqueueNoop(service).status == 202)
            world.redis.stop()
            let first = try await world.enqueueNoop(service)
            #expect(first.isUnavailable("Redis does not answer"), "\(first)")
            #expect(first.took < .seconds(4), "\(first.took)")
            // Before long it is known, and nobody waits.
            try await until("it is known", within: .seconds(5)) {
                try await world.ask(service, "GET", "/v1/queues").took < .milliseconds(500)
            }
            for _ in 0..<3 {
                let next = try await world.ask(service, "GET", "/v1/queues")
                #expect(next.isUnavailable("Redis") && next.took < .milliseconds(500), "\(next)")
            }
            // What is not in Redis is there.
            #expect(try await world.ask(service, "GET", "/v1/ranks").status == 200)
            #expect(try await world.ask(service, "GET", "/healthz").status == 200)
            let ready = try await world.ask(service, "GET", "/readyz")
            #expect(ready.status == 503 && ready.retryAfter != nil && ready.body.contains("redis"), "\(ready)")
            try await world.checkCommands(words: "Redis:")
            let doctor = try await world.command("doctor")
            #expect(doctor.code == .exited(1))
            for _ in 0..<200 { _ = try await world.enqueueNoop(service) }

            try await world.redis.start()
            try await world.ready(service)
            #expect(try await world.enqueueNoop(service).status == 202)
            try await world.checkDone(running, within: .seconds(20))
            service.checkLog(names: "onnection refused")
        }
    }

    @Test("PostgreSQL is killed and comes back")
    func postgres() async throws {
        try await PrivatePostgres.with { server in
            try await World.with(postgres: server) { world in
                let service = try await world.serve()
                #expect(try await world.enqueueNoop(service).status == 202)
                try await server.kill()
                let needy = try await world.ask(service, "POST", "/v1/jobs", "{\"kind\":\"reconcile\"}")
                #expect(needy.status == 202, "a token that was seen is good without PostgreSQL: \(needy)")
                let first = try await world.ask(service, "GET", "/v1/ranks")
                #expect(first.isUnavailable("PostgreSQL does not answer"), "\(first)")
                #expect(first.took < .seconds(4), "\(first.took)")
                for _ in 0..<3 {
                    let next = try await world.ask(service, "GET", "/v1/ranks")
                    #expect(next.isUnavailable("PostgreSQL") && next.took < .milliseconds(500), "\(next)")
                }
                let unseen = try await world.ask(service, "GET", "/v1/queues", token: "pdn_unseen")
                #expect(unseen.isUnavailable("PostgreSQL") && unseen.took < .milliseconds(500), "\(unseen)")
                let ready = try await world.ask(service, "GET", "/readyz")
                #expect(ready.status == 503 && ready.retryAfter != nil && ready.body.contains("postgresql"), "\(ready)")
                #expect(try await world.ask(service, "GET", "/healthz").status == 200)
                let doctor = try await world.command("doctor")
                #expect(doctor.code == .exited(1))
                let user = try await world.command("user", "list")
                #expect(user.code == .exited(1) && user.message.contains("PostgreSQL:"), "\(user)")
                // What needs no PostgreSQL is done meanwhile.
                let ids = try await world.noops(20, "drained")
                try await world.checkDone(ids, within: .seconds(10))
                for _ in 0..<200 { _ = try await world.ask(service, "GET", "/v1/ranks") }

                try await server.launch()
                try await world.ready(service)
                #expect(try await world.ask(service, "GET", "/v1/ranks").status == 200)
                let id = needy.body.firstMatch(of: /"id":"([^"]+)"/).map { String($0.1) } ?? ""
                try await world.checkDone([id], within: .seconds(20))
                service.checkLog(names: "no connection to the database")
            }
        }
    }
}
