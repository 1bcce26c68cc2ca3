import Foundation
import Jobs
import JobsRedis
import Postgres
import Redis
import TestSupport
import Testing

@Suite("Clocks that are minutes apart")
struct ClockTests {
    /// Milliseconds that a machine at work may be late.
    private static let late = 2500

    @Test("all times are those of the stores, on hosts 11 minutes ahead and 7 behind")
    func minutesApart() async throws {
        try await HostsWorld.with { world in
            try await world.serve("api", on: .api, clock: "+11m")
            try await world.serve("worker", on: .first, clock: "-7m")
            try await world.serve("worker,scheduler", on: .second)
            try await times(world)
            try await world.rest(within: .seconds(40))
            for queue in ["bulk", "critical", "default"] {
                let census = try await world.store.census(queue)
                #expect(census.difference == 0 && census.succeeded == census.enqueued, "\(queue): \(census)")
            }
        }
    }

    private func times(_ world: HostsWorld) async throws {
        let before = try await world.now()
        let delayed = try await world.enqueue(#"{"kind":"noop","delay_s":2}"#)
        let at = Date(timeIntervalSince1970: Double(before + 2000) / 1000).ISO8601Format()
        let timed = try await world.enqueue(#"{"kind":"noop","run_at":"\#(at)"}"#)
        let failing = try await world.enqueue(#"{"kind":"noop","args":{"fail":1}}"#)
        let ids = try await world.enqueue(200, #"{"kind":"noop"}"#)
        #expect(Set(ids + [delayed.id, timed.id, failing.id]).count == 203)
        for job in [delayed, timed, failing] { try near(job.createdAt, before) }
        let sheet = Sheet(rows: 100)
        let id = try await world.upload(sheet)

        var retrying: JobView?
        try await until("the failed job waits for its retry", within: .seconds(10)) {
            retrying = try await world.store.job(failing.id)
            return retrying?.state == .retrying
        }
        let wait = try #require(retrying?.runAt) - before
        #expect(7000...(15_000 + 2 * Self.late) ~= wait, "retried after \(wait) ms")
        for job in [delayed, timed] {
            try await until("it ran", within: .seconds(8)) { try await world.store.job(job.id)?.state == .succeeded }
            let view = try #require(try await world.store.job(job.id))
            let (created, started) = (view.createdAt, try #require(view.startedAt))
            #expect(abs(created - before) < Self.late)
            // `run_at` is given in whole seconds.
            #expect(1000...(2000 + Self.late) ~= started - before, "ran \(started - before) ms later")
            if job.id == delayed.id { #expect(started - created >= 2000) }
        }

        struct Import: Decodable {
            let state: String
            let startedAt: String?
            let finishedAt: String?
        }
        var view: Import?
        try await until("the import is done", within: .seconds(20)) {
            view = try await world.ask("GET", "/v1/imports/\(id)").decoded(Import.self)
            return view?.state == "done"
        }
        try near(try #require(view?.startedAt), before)
        try near(try #require(view?.finishedAt), try await world.now(), late: 8000)
        try await workers(world)
        try await tokens(world)
    }

    private func workers(_ world: HostsWorld) async throws {
        struct Workers: Decodable {
            struct Worker: Decodable { let startedAt: String }
            let items: [Worker]
        }
        let now = try await world.now()
        var workers: [Workers.Worker] = []
        // Its registration ends for a moment if a process gets no time for as long as its lease.
        try await until("both workers are registered", within: .seconds(10)) {
            workers = try await world.ask("GET", "/v1/workers").decoded(Workers.self).items
            return workers.count == 2
        }
        for worker in workers {
            let age = now - (try milliseconds(worker.startedAt))
            #expect(0...60_000 ~= age, "started \(age) ms ago")
        }
    }

    /// A token that ends in five minutes is good, one that ended a minute ago is not.
    private func tokens(_ world: HostsWorld) async throws {
        for (age, status) in [("5 minutes", 200), ("-1 minute", 401)] {
            let token = try await world.makeToken(expiresIn: age)
            let answer = try await world.ask("GET", "/v1/me", token: token)
            #expect(answer.status == status, "a token that ends in \(age): \(answer)")
        }
    }

    private func near(_ text: String, _ wanted: Int, late: Int = ClockTests.late) throws {
        let time = try milliseconds(text)
        #expect(abs(time - wanted) < late, "\(text) is \(time - wanted) ms off")
    }

    private func milliseconds(_ text: String) throws -> Int {
        let styles = [true, false].map { Date.ISO8601FormatStyle(includingFractionalSeconds: $0) }
        for style in styles {
            if let date = try? style.parse(text) { return Int(date.timeIntervalSince1970 * 1000) }
        }
        throw ScenarioError("no time: \(text)")
    }

    @Test("two containers of one host name, process number and start time are two workers")
    func sameName() async throws {
        let redis = try await PrivateRedis.start()
        defer { redis.stop() }
        let folder = PrivateServers.folder + "/same-\(redis.port)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // PostgreSQL is away: workers work all the same.
        try """
        [redis]
        url = "unix:\(redis.socket)"
        [postgres]
        url = "host=\(folder) dbname=paidan"
        [worker]
        lease = "10s"
        """.write(toFile: folder + "/jobs.conf", atomically: true, encoding: .utf8)
        var processes: [ChildProcess] = []
        defer { for process in processes { process.signal(ChildProcess.kill) } }
        for number in 1...2 {
            let command = try ShiftedClock.command(
                "2026-01-01 08:00:00", [Program.path, "serve", "--roles", "worker", "--config", folder + "/jobs.conf"])
            processes.append(
                try await ChildProcess.start(
                    "unshare",
                    ["--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]
                        + [#"hostname worker && exec "$@""#, "sh"] + command, log: "\(folder)/log\(number)"))
        }
        let configuration = try RedisConfiguration(url: "unix:" + redis.socket)
        let client = RedisClient(configuration, name: "watch")
        let store = RedisJobStore(client: client, configuration: configuration, queues: ["default"])
        defer {
            store.close()
            client.close()
        }
        var workers: [WorkerInfo] = []
        let logs = { [processes] in processes.map(\.log).joined(separator: "\n") }
        do {
            try await until("both are registered", within: .seconds(20)) {
                workers = try await store.workers()
                return workers.count == 2
            }
        } catch { throw ScenarioError("\(error): \(workers)\n\(logs())") }
        #expect(workers.allSatisfy { $0.host == "worker" && $0.pid == 1 }, "\(workers)")
        // Neither takes the other for its predecessor.
        try await Task.sleep(for: .seconds(4))
        #expect(try await store.workers().count == 2)
        #expect(!logs().contains("session lost"), "\(logs())")
    }
}
