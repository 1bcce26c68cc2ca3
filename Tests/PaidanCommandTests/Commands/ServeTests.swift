import Glibc
import Subprocess
import TestSupport
import Testing

@Suite("Command line: serve") struct ServeTests {
    private func states(_ here: Installation) async throws -> [String] {
        try await here.run("jobs", "list", "--kind", "noop", "--limit", "1000", "--json").items.compactMap {
            $0["state"] as? String
        }
    }

    @Test("a stop loses nothing: jobs in hand go back and are run by the next process")
    func stop() async throws {
        try await Installation.with(conf: "[worker]\ndrain = \"100ms\"\nconcurrency = 8") { here in
            let jobs = (1...30).map { _ in #"{"kind":"noop","args":{"sleep_ms":400}}"# }.joined(separator: "\n")
            var served = try await Served.start(here)
            _ = try await here.run("enqueue", "-", input: jobs)
            try await eventually("some are done, some are running") {
                let states = try await states(here)
                return states.contains("succeeded") && states.contains("running")
            }
            try await served.stop()
            var now = try await states(here)
            #expect(now.count == 30)
            #expect(!now.contains("running"))
            #expect(!now.contains("dead"))
            #expect(now.contains("queued"))
            served = try await Served.start(here)
            try await eventually("all have run") {
                now = try await states(here)
                return now.allSatisfy { $0 == "succeeded" }
            }
            #expect(now.count == 30)
            try await served.stop()
        }
    }

    @Test("a stop waits for jobs in hand")
    func drain() async throws {
        try await Installation.with { here in
            let served = try await Served.start(here)
            let id = try await here.run("enqueue", "noop", "--args", #"{"sleep_ms": 4000}"#).lines.first ?? ""
            try await eventually("it runs") { try await states(here) == ["running"] }
            served.send(SIGTERM)
            #expect(try await served.ended() == .exited(0), "\(served.text)")
            #expect(try await here.run("jobs", "show", String(id), "--json").object["state"] as? String == "succeeded")
        }
    }

    @Test("a second signal ends it at once, and the lease gives back what was in hand", arguments: [SIGTERM, SIGINT])
    func second(_ signal: CInt) async throws {
        try await Installation.with(conf: "[worker]\nlease = \"3s\"") { here in
            let served = try await Served.start(here)
            _ = try await here.run("enqueue", "noop", "--args", #"{"sleep_ms": 3000}"#)
            try await eventually("it runs") { try await states(here) == ["running"] }
            served.send(SIGTERM)
            try await served.logs("\"stopping\"")
            let watch = Stopwatch()
            served.send(signal)
            #expect(try await served.ended() == .exited(1), "\(served.text)")
            #expect(watch.granted < .seconds(1))
            #expect(served.text.contains("ended at once by a second signal"))
            #expect(try await states(here) == ["running"])
            let next = try await Served.start(here)
            try await eventually("it has run") { try await states(here) == ["succeeded"] }
            try await next.stop()
        }
    }

    @Test("SIGINT stops it too, with all roles")
    func interrupt() async throws {
        try await Installation.with { here in
            let served = try await Served.start(here, roles: "api, worker,scheduler")
            served.send(SIGINT)
            #expect(try await served.ended() == .exited(0), "\(served.text)")
        }
    }

    @Test("SIGHUP takes a right file as far as it can, and leaves the running settings at a wrong one")
    func hangUp() async throws {
        try await Installation.with { here in
            let served = try await Served.start(here)
            let text = try here.read("jobs.conf")
            try here.write(text + "[worker]\nlease = \"1s\"\n", to: "jobs.conf")
            served.send(SIGHUP)
            try await served.logs("the running settings stay")
            #expect(served.text.contains("worker.lease must be 3s to 5m"))
            try here.write(text + "[worker]\nconcurrency = 3\n[log]\nlevel = \"error\"\n", to: "jobs.conf")
            served.send(SIGHUP)
            try await served.logs("configuration reloaded")
            #expect(served.text.contains("\"needs_restart\":\"worker\""))
            let ran = try await here.run("enqueue", "noop", "--wait", "20s")
            #expect(ran.code == 0, "\(ran) \(served.text)")
            try await served.stop()
            #expect(!served.text.contains("\"stopped\""), "the level is error now")
        }
    }

    @Test("Redis away and back")
    func redis() async throws {
        try await Installation.with(redis: ["--appendonly", "yes"]) { here in
            let served = try await Served.start(here)
            #expect(try await here.run("enqueue", "noop", "--wait", "20s").code == 0)
            here.redis.stop()
            try await here.redis.start()
            let ran = try await here.run("enqueue", "noop", "--wait", "25s")
            #expect(ran.code == 0, "\(ran) \(served.text)")
            here.redis.stop()
            try await served.stop()
        }
    }

    @Test("a start without Redis waits for it")
    func lateRedis() async throws {
        try await Installation.with { here in
            here.redis.stop()
            let served = try await Served.start(here)
            try await here.redis.start()
            let ran = try await here.run("enqueue", "noop", "--wait", "25s")
            #expect(ran.code == 0, "\(ran) \(served.text)")
            try await served.stop()
        }
    }

    @Test("a port that is taken ends it with a message")
    func port() async throws {
        try await Installation.with { here in
            let served = try await Served.start(here, roles: "api")
            let ran = try await here.run(
                "serve", "--roles", "api", environment: ["PAIDAN_HTTP_LISTEN": try served.address])
            #expect(ran.code == 1, "\(ran)")
            #expect(ran.err.contains("Address already in use"), "\(ran.err)")
            try await served.stop()
        }
    }
}
