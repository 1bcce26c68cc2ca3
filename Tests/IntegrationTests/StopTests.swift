import Curl
import Jobs
import JobsRedis
import Redis
import TestSupport
import Testing

@Suite("SIGTERM")
struct StopTests {
    @Test("jobs in hand go back to the front, their attempt not spent")
    func front() async throws {
        try await World.with { world in
            let service = try await world.serve()
            let jobs = (0..<70).map { number in
                NewJob(
                    id: "job-\(number)", kind: "noop", args: Array("{\"sleep_ms\":60000}".utf8), queue: "default")
            }
            _ = try await world.store.enqueue(jobs)
            var running: Set<String> = []
            try await until("64 jobs run", within: .seconds(20)) {
                running = []
                for job in jobs {
                    if try await world.store.job(job.id)?.state == .running { running.insert(job.id) }
                }
                return running.count == 64
            }
            let watch = Stopwatch()
            service.process.signal(ChildProcess.terminate)
            #expect(try await service.process.finish() == .exited(0))
            #expect(watch.granted < .seconds(8), "the drain time is over after 1 s")

            let list = try await world.client.send(RedisCommand("LRANGE", "paidan:{default}:ready", "0", "-1"))
            let ids = list.array?.compactMap(\.string) ?? []
            #expect(ids.count == 70 && Set(ids.suffix(64)) == running)
            for job in jobs {
                let view = try await world.store.job(job.id)
                #expect(view?.state == .queued && view?.attempt == 0, "\(job.id)")
            }
            let census = try await world.store.census("default")
            #expect(census.difference == 0 && census.waiting == 70)
            #expect(try await world.store.workers().isEmpty)
        }
    }

    @Test("a request that waits for its job does not hold up the stop")
    func waitingRequest() async throws {
        try await World.with { world in
            let service = try await world.serve()
            let asking = Task { [curl = world.curl, token = world.token, url = service.url] in
                var request = HTTPRequest(
                    "POST", url + "/v1/jobs",
                    headers: [
                        ("Authorization", "Bearer \(token)"), ("Content-Type", "application/json"),
                        ("Prefer", "wait=60"),
                    ], body: Array(#"{"kind":"noop","args":{"sleep_ms":60000}}"#.utf8))
                request.timeout = .seconds(70)
                return try await curl.send(request).status
            }
            try await until("the job runs", within: .seconds(20)) {
                try await world.store.queues().contains { $0.running == 1 }
            }
            let watch = Stopwatch()
            service.process.signal(ChildProcess.terminate)
            #expect(try await service.process.finish() == .exited(0))
            #expect(watch.granted < .seconds(8), "the drain time is over after 1 s")
            #expect(try await asking.value == 202)
            let census = try await world.store.census("default")
            #expect(census.difference == 0 && census.waiting == 1)
        }
    }

    @Test("an import that is stopped three times goes on where it stood")
    func goesOn() async throws {
        try await World.with { world in
            var service = try await world.serve()
            let sheet = Sheet(rows: 8000)
            let id = try await world.upload(sheet.csv, to: service)
            for _ in 0..<3 {
                try await Task.sleep(for: .milliseconds(Int.random(in: 50...600)))
                service.process.signal(ChildProcess.terminate)
                #expect(try await service.process.finish() == .exited(0))
                service = try await world.serve()
            }
            try await world.rest()
            try await world.check([id: sheet])
        }
    }
}
