import Jobs
import JobsRedis
import Postgres
import Redis
import TestSupport

/// Throws the faults of a run and sees that each has happened.
struct Thrower {
    let site: Site
    let fleet: Fleet
    let feeder: Feeder
    /// Jobs that come in at each fault.
    let share: Int
    var random: SeededRandom
    var thrown: [Fault] = []
    /// Seconds after each kill until what was in flight went on.
    var recoveries: [Double] = []
    /// Seconds after each flush until what it took was done.
    var returns: [Double] = []
    /// Lines of the program at which a process was ended or stopped.
    var lines: Set<String> = []

    mutating func throwAll() async throws {
        for (number, fault) in site.plan.faults.enumerated() {
            try await throwOne(fault)
            thrown.append(fault)
            try fleet.check()
            say("  \(site.plan.name): \(number + 1) of \(site.plan.faults.count): \(fault.text)")
        }
    }

    private mutating func throwOne(_ fault: Fault) async throws {
        switch fault {
        case .kill: try await kill()
        case .crash(let place): try await crash(place)
        case .freeze: try await freeze()
        case .freezeAt(let place): try await freezeAt(place)
        case .redis: try await redis()
        case .postgres: try await postgres()
        case .flush: try await flush()
        }
    }

    private mutating func midWork(_ range: ClosedRange<Int> = 50...600) async throws {
        feeder.grant(share)
        try await Task.sleep(for: .milliseconds(Int.random(in: range, using: &random)))
    }

    /// One of the crew, at a random moment while it has jobs in flight.
    private mutating func busyWorker() async throws -> ChildProcess {
        try await midWork()
        let worker = try fleet.anyone(using: &random)
        try await until("worker \(worker.pid) has jobs in flight", within: .seconds(60)) {
            if try await !site.inFlight(of: worker.pid).isEmpty { return true }
            feeder.grant(100)
            return false
        }
        return worker
    }

    private mutating func kill() async throws {
        let worker = try await busyWorker()
        let start = ContinuousClock.now
        try await fleet.kill(worker)
        let jobs = try await site.inFlight(of: worker.pid)
        try await fleet.start()
        if let time = try await site.recovery(of: jobs, since: start) { recoveries.append(time) }
    }

    /// Gives jobs in small portions until the process has come to its line.
    private func feed(until what: String, _ condition: () -> Bool) async throws {
        feeder.grant(share)
        let deadline = ContinuousClock.now + .seconds(60)
        while !condition() {
            guard ContinuousClock.now < deadline else { throw ChaosError("\(what): not within a minute") }
            try await Task.sleep(for: .milliseconds(100))
            feeder.grant(100)
        }
    }

    private mutating func crash(_ place: String) async throws {
        let times = Int.random(in: 1...3, using: &random)
        let worker = try await fleet.start(crashAt: "\(place)/\(times)")
        try await feed(until: "a crash at \(place)") { worker.end != nil }
        let start = ContinuousClock.now
        guard worker.end == .signalled(ChildProcess.kill), worker.log.contains("crash point \(place)") else {
            throw ChaosError(
                "no crash at \(place): \(worker.end.map { "\($0)" } ?? "alive")\n\(worker.log.suffix(1000))")
        }
        note(place)
        let jobs = try await site.inFlight(of: worker.pid)
        if let time = try await site.recovery(of: jobs, since: start) { recoveries.append(time) }
    }

    private mutating func note(_ place: String) {
        lines.insert(String(place.prefix { $0 != ":" && $0 != "/" }))
    }

    private func pastLease() -> Duration { .milliseconds(site.plan.lease * 1000 + 2000) }

    private mutating func freeze() async throws {
        let worker = try await busyWorker()
        let before = worker.log.split(separator: "session lost", omittingEmptySubsequences: false).count
        worker.signal(ChildProcess.freeze)
        try await until("worker \(worker.pid) stands still", within: .seconds(5)) { worker.isFrozen }
        try await sleepPastLease(worker)
        try await until("worker \(worker.pid) knows that it lost its session", within: .seconds(30)) {
            worker.log.split(separator: "session lost", omittingEmptySubsequences: false).count > before
        }
    }

    private mutating func freezeAt(_ place: String) async throws {
        let worker = try await fleet.start(crashAt: "\(place)!stop")
        try await feed(until: "a freeze at \(place)") { worker.isFrozen }
        note(place)
        try await sleepPastLease(worker)
        try await until("worker \(worker.pid) knows that it lost its session", within: .seconds(30)) {
            worker.log.contains("session lost")
        }
        worker.signal(ChildProcess.terminate)
        guard try await worker.finish() == .exited(0) else {
            throw ChaosError("the worker frozen at \(place) did not stop cleanly: \(worker.log.suffix(1000))")
        }
    }

    /// What it had in flight must be done by others before it comes back.
    private mutating func sleepPastLease(_ worker: ChildProcess) async throws {
        let jobs = try await site.inFlight(of: worker.pid)
        try await Task.sleep(for: pastLease())
        _ = try await site.recovery(of: jobs, since: .now)
        guard worker.isFrozen else { throw ChaosError("worker \(worker.pid) did not stay frozen") }
        worker.signal(ChildProcess.thaw)
    }

    private mutating func redis() async throws {
        try await midWork()
        let before = try await runID()
        site.redis.stop()
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...1500, using: &random)))
        try await site.redis.start()
        let after = try await persistently { try await runID() }
        guard before != after else { throw ChaosError("Redis did not die: its run_id is still \(before)") }
    }

    private func runID() async throws -> String {
        let info = try await site.client.send(RedisCommand("INFO", "server")).string ?? ""
        return info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("run_id:") }.map(String.init) ?? ""
    }

    private mutating func postgres() async throws {
        try await midWork()
        let before = try site.postgres.pid
        try await site.postgres.stopImmediately()
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...1500, using: &random)))
        try await site.postgres.launch()
        guard try site.postgres.pid != before else {
            throw ChaosError("PostgreSQL did not stop: still process \(before)")
        }
    }

    private mutating func flush() async throws {
        // One queue's jobs wait, the others' run; the flush forgets the pause, too.
        try await site.store.pause("bulk")
        try await midWork()
        let open: SQL = """
            SELECT count(*) FROM paidan.outbox o
            WHERE sent_at IS NOT NULL AND NOT EXISTS (SELECT FROM paidan.job_receipt r WHERE r.job_id = o.id::text)
            """
        try await until("jobs are only in the queue", within: .seconds(60)) {
            if try await site.count(open) >= min(share / 4, 1000) { return true }
            feeder.grant(100)
            return false
        }
        let newest = try await site.count("SELECT coalesce(max(seq), 0) FROM paidan.outbox")
        let script = """
            local before = redis.call('DBSIZE'); redis.call('FLUSHALL'); return {before, redis.call('DBSIZE')}
            """
        let start = ContinuousClock.now
        let reply = try await site.client.send(RedisCommand("EVAL", script, "0")).array?.compactMap(\.int) ?? []
        guard reply.count == 2, reply[0] > 0, reply[1] == 0 else { throw ChaosError("the flush left keys: \(reply)") }
        let taken = try await site.count("\(open) AND seq <= \(newest)")
        say("  \(site.plan.name): flushed \(reply[0]) keys, \(taken) jobs of the outbox had no receipt")
        try await until("what the flush took is done", within: .seconds(180)) {
            try await Task.sleep(for: .milliseconds(200))
            return try await site.count("\(open) AND seq <= \(newest)") == 0
        }
        returns.append((ContinuousClock.now - start) / .seconds(1))
    }
}
