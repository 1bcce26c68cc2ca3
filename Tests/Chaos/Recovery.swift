import Redis

/// A job that was in flight in a process when it died.
struct InFlight: Sendable, Hashable {
    let queue: String
    let id: String
    let session: String
}

extension Site {
    private static func base(_ queue: String) -> String { "paidan:{\(queue)}:" }

    /// What the queue remembers of a process: its sessions are named HOST-PID-START.NUMBER.
    func inFlight(of pid: Int32) async throws -> [InFlight] {
        var jobs: [InFlight] = []
        for queue in Self.queues {
            let sessions = try await client.send(RedisCommand("ZRANGE", Self.base(queue) + "sessions", "0", "-1"))
            for session in sessions.array?.compactMap(\.string) ?? []
            where session.split(separator: "-").dropLast().last == "\(pid)" {
                let ids = try await client.send(
                    RedisCommand("HVALS", Self.base(queue) + "inflight:" + session))
                jobs += (ids.array?.compactMap(\.string) ?? []).map { InFlight(queue: queue, id: $0, session: session) }
            }
        }
        return jobs
    }

    /// Waits until all of them are running elsewhere or done, and then until they are done: a job must not be in
    /// flight in crash after crash, which would rightly condemn it.
    ///
    /// - Returns: seconds from `since` until the last was running or done again; nil if there were none.
    func recovery(of jobs: [InFlight], since: ContinuousClock.Instant) async throws -> Double? {
        if jobs.isEmpty { return nil }
        var waiting = jobs
        var open = jobs
        var recovered: ContinuousClock.Instant?
        var seen: [InFlight: [String]] = [:]
        do {
            try await until("the end of \(jobs.count) jobs of a dead process", within: .seconds(120)) {
                let asked = open
                let replies = try await persistently {
                    try await client.pipeline(
                        asked.map { RedisCommand("HMGET", Self.base($0.queue) + "job:" + $0.id, "state", "holder") })
                }
                var goesOn: Set<InFlight> = []
                var ended: Set<InFlight> = []
                for (job, reply) in zip(asked, replies) {
                    let fields = reply.array?.map { $0.string ?? "" } ?? ["", ""]
                    seen[job] = fields
                    let isOver = ["succeeded", "dead", "cancelled"].contains(fields[0])
                    if isOver { ended.insert(job) }
                    let isElsewhere = fields[0] == "running" && !fields[1].hasSuffix(" " + job.session)
                    if isOver || isElsewhere { goesOn.insert(job) }
                }
                waiting.removeAll { goesOn.contains($0) }
                open.removeAll { ended.contains($0) }
                if waiting.isEmpty, recovered == nil { recovered = .now }
                return open.isEmpty
            }
        } catch {
            let left = Dictionary(grouping: open) { "\($0.queue), was of \($0.session): \(seen[$0] ?? [])" }
            throw ChaosError("\(error): \(left.map { "\($0.value.count) \($0.key)" }.joined(separator: "; "))")
        }
        return recovered.map { ($0 - since) / .seconds(1) }
    }
}
