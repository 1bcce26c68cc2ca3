import Foundation
import TestSupport
import Testing

@Suite("Command line: jobs and queues") struct JobTests {
    @Test("a job is enqueued, shown, listed and discarded")
    func life() async throws {
        try await Installation.with { here in
            var ran = try await here.run("enqueue", "noop", "--args", "{\n\"sleep_ms\": 1\n}", "--queue", "bulk")
            #expect(ran.code == 0, "\(ran.err)")
            let id = String(ran.lines.first ?? "")
            #expect(ran.lines.count == 1)
            #expect(ran.err.isEmpty)
            ran = try await here.run("jobs", "show", id, "--json")
            #expect(ran.code == 0, "\(ran.err)")
            #expect(ran.object["id"] as? String == id)
            #expect(ran.object["state"] as? String == "queued")
            #expect(ran.object["queue"] as? String == "bulk")
            #expect((ran.object["args"] as? [String: Any])?["sleep_ms"] as? Int == 1)
            ran = try await here.run("jobs", "show", id)
            #expect(ran.out.contains("queued"))
            ran = try await here.run("jobs", "list", "--json", "--kind", "noop")
            #expect(ran.items.map { $0["id"] as? String } == [id])
            ran = try await here.run("jobs", "list", "--state", "dead")
            #expect(ran.lines.count == 1)
            ran = try await here.run("jobs", "cancel", id)
            #expect(ran.code == 0, "\(ran.err)")
            for (command, code) in [("cancel", 2), ("retry", 0), ("retry", 2), ("discard", 0)] {
                ran = try await here.run("jobs", command, id)
                #expect(ran.code == code, "\(command): \(ran)")
            }
            for command in ["show", "retry", "cancel", "discard"] {
                let ran = try await here.run("jobs", command, id)
                #expect(ran.code == 2, "\(command): \(ran)")
                #expect(ran.err.contains(id))
                #expect(ran.out.isEmpty)
            }
        }
    }

    @Test("later jobs, jobs with a key, and what is refused")
    func variants() async throws {
        try await Installation.with { here in
            var ran = try await here.run("enqueue", "noop", "--in", "1h", "--json")
            #expect(ran.object["state"] as? String == "scheduled", "\(ran)")
            ran = try await here.run("enqueue", "noop", "--at", "2099-01-31T09:00:00+08:00", "--json")
            #expect((ran.object["run_at"] as? String)?.hasPrefix("2099-01-31T09:00:00") == true, "\(ran)")
            ran = try await here.run("enqueue", "noop", "--key", "k 1")
            let second = try await here.run("enqueue", "noop", "--key", "k 1")
            #expect(ran.out == second.out)
            #expect(second.code == 0)
            #expect(second.err.contains("already"))
            ran = try await here.run("enqueue", "noop", "--at", "tomorrow")
            #expect(ran.code == 64, "\(ran)")
            ran = try await here.run("enqueue", "noop", "--key", "")
            #expect(ran.code == 64, "\(ran)")
            ran = try await here.run("enqueue", "no.such.kind")
            #expect(ran.code == 2)
            #expect(ran.err.contains("noop"))
            ran = try await here.run("enqueue", "noop", "--queue", "slow")
            #expect(ran.code == 2)
            #expect(ran.err.contains("bulk"))
            ran = try await here.run("enqueue", "customer.assign", "--args", #"{"customer_ids": "all"}"#)
            #expect(ran.code == 2, "\(ran)")
            ran = try await here.run("enqueue", "noop", "--wait", "300ms")
            #expect(ran.code == 1, "nobody works: \(ran)")
            #expect(ran.err.contains("still queued"))
        }
    }

    @Test("lines of standard input go in together or not at all")
    func lines() async throws {
        try await Installation.with { here in
            let good = (1...12_000).map { #"{"kind":"noop","args":{"sleep_ms":\#($0)}}"# }.joined(separator: "\n")
            var ran = try await here.run("enqueue", "-", input: good + "\r\n\n")
            #expect(ran.code == 0, "\(ran.err)")
            #expect(Set(ran.lines).count == 12_000)
            #expect(ran.err.contains("12000 jobs"))
            ran = try await here.run("enqueue", "-", "--json", input: #"{"kind":"noop"}"#)
            #expect(ran.object["accepted"] as? Int == 1)
            #expect((ran.object["ids"] as? [String])?.count == 1)
            ran = try await here.run("enqueue", "-", input: good + "\n{\"kind\":\"nope\"}\nno json\n[1]\n")
            #expect(ran.code == 2)
            #expect(ran.out.isEmpty)
            for number in 12_001...12_003 { #expect(ran.err.contains("line \(number)"), "\(ran.err)") }
            ran = try await here.run("enqueue", "-")
            #expect(ran.code == 0)
            ran = try await here.run("queues", "list", "--json")
            #expect(ran.items.first { $0["name"] as? String == "default" }?["depth"] as? Int == 12_001, "\(ran.out)")
        }
    }

    @Test("jobs run, fail, die, and are mended one by one and all together")
    func working() async throws {
        try await Installation.with(conf: "max_attempts = 1") { here in
            let served = try await Served.start(here)
            var ran = try await here.run(
                "enqueue", "noop", "--args", #"{"result": {"a": 1}}"#, "--wait", "20s", "--json")
            #expect(ran.code == 0, "\(ran)")
            #expect(ran.object["state"] as? String == "succeeded")
            #expect((ran.object["result"] as? [String: Any])?["a"] as? Int == 1)
            ran = try await here.run("enqueue", "noop", "--args", #"{"fail": true}"#, "--wait", "20s")
            #expect(ran.code == 1)
            #expect(ran.err.contains("noop_failed") || ran.err.contains("dead"), "\(ran.err)")
            #expect(ran.out.contains("dead"))
            for _ in 1...2 { _ = try await here.run("enqueue", "noop", "--args", #"{"fail": 1}"#, "--wait", "20s") }
            ran = try await here.run("jobs", "list", "--state", "dead", "--json")
            #expect(ran.items.count == 3)
            #expect((ran.items.first?["error"] as? [String: Any])?["code"] as? String == "noop_failed")
            ran = try await here.run("jobs", "retry", "--state", "dead", "--kind", "import.batch")
            #expect(ran.code == 0)
            #expect(ran.err.hasPrefix("0 jobs"))
            ran = try await here.run("jobs", "retry", "--state", "dead", "--kind", "noop")
            #expect(ran.code == 0)
            #expect(ran.err.hasPrefix("3 jobs"), "\(ran.err)")
            try await eventually("the retried have ended") {
                try await here.run("jobs", "list", "--kind", "noop", "--json").items.allSatisfy {
                    ["succeeded", "dead"].contains($0["state"] as? String)
                }
            }
            ran = try await here.run("jobs", "discard", "--state", "dead")
            #expect(ran.code == 0)
            ran = try await here.run("jobs", "list", "--state", "dead", "--json")
            #expect(ran.items.isEmpty)
            try await served.stop()
        }
    }

    @Test("a paused queue keeps its jobs, a resumed one runs them")
    func pause() async throws {
        try await Installation.with { here in
            let served = try await Served.start(here)
            var ran = try await here.run("queues", "pause", "bulk")
            #expect(ran.code == 0, "\(ran.err)")
            ran = try await here.run("enqueue", "noop", "--queue", "bulk", "--wait", "400ms")
            #expect(ran.code == 1)
            ran = try await here.run("queues", "list", "--json")
            let bulk = ran.items.first { $0["name"] as? String == "bulk" } ?? [:]
            #expect(bulk["paused"] as? Bool == true)
            #expect(bulk["depth"] as? Int == 1)
            #expect(bulk.keys.sorted() == ["depth", "name", "oldest_age_s", "paused", "rate", "running"])
            #expect(try await here.run("queues", "list").lines.contains { $0.hasPrefix("bulk") && $0.contains("yes") })
            #expect(try await here.run("queues", "pause", "bulk").code == 0)
            #expect(try await here.run("queues", "resume", "bulk").code == 0)
            try await eventually("the job has run") {
                try await here.run("jobs", "list", "--json", "--state", "succeeded").items.count == 1
            }
            ran = try await here.run("queues", "pause", "slow")
            #expect(ran.code == 2)
            #expect(ran.err.contains("critical"))
            try await served.stop()
        }
    }

    @Test("without Redis: 1, and the reason in a line")
    func noRedis() async throws {
        try await Installation.with { here in
            here.redis.stop()
            async let enqueued = here.run("enqueue", "noop")
            async let listed = here.run("jobs", "list")
            async let paused = here.run("queues", "pause", "bulk")
            for ran in try await [enqueued, listed, paused] {
                #expect(ran.code == 1, "\(ran)")
                #expect(ran.err.hasPrefix("Redis: "), "\(ran.err)")
                #expect(ran.out.isEmpty)
            }
        }
    }
}
