public import Jobs
internal import OwnerThread
internal import Redis

extension RedisJobStore {
    /// How long an idempotency key is remembered.
    static let idempotencyMilliseconds = 24 * 3600 * 1000
    /// How long replicas have to confirm.
    static let replicaMilliseconds = 1000

    public func enqueue(_ jobs: [NewJob]) async throws(StoreError) -> [Enqueued] {
        if jobs.isEmpty { return [] }
        var queues: [String: Int] = [:]
        for job in jobs {
            try check(job)
            if queues[job.queue] == nil { queues[job.queue] = queues.count + 1 }
        }
        let keys = queues.sorted { $0.value < $1.value }.map { Keys(queue: $0.key).ready }
        var command = Self.command(.enqueue, keys: keys)
        for job in jobs { job.append(to: &command, queue: queues[job.queue] ?? 0) }
        let words = try await send(command).array ?? []
        let answers = stride(from: 0, to: words.count, by: 2).map { place in
            let parts = (words[place + 1].string ?? "").split(separator: " ")
            let outcome = Enqueued.Outcome(word: parts.first ?? "")
            let time = parts.dropFirst().first.flatMap { Int($0) }
            return Enqueued(
                id: words[place].string ?? "", outcome: outcome, createdAt: outcome == .created ? time : nil,
                waitedUntil: outcome == .created ? nil : time)
        }
        enqueued.count(zip(jobs, answers).filter { $0.1.outcome == .created }.map(\.0.kind))
        return answers
    }

    /// With replicas to wait for over a connection of its own: WAIT holds up whatever comes behind it.
    private func send(_ command: RedisCommand) async throws(StoreError) -> RedisReply {
        guard let replicated else { return try await call(command) }
        // Behind a refused call WAIT would wait its whole time for nothing.
        if !state.withLock({ $0.isLoaded }) { try await load() }
        let wait = RedisCommand("WAIT", String(waitReplicas), String(Self.replicaMilliseconds))
        let replies = try await calls([command, wait], on: replicated, together: true)
        if replies[1].int ?? 0 < waitReplicas {
            throw StoreError(
                .notReplicated,
                "the jobs are stored, but fewer than \(waitReplicas) replicas have them after a second: repeat with "
                    + "the same ids", mayHaveRun: true)
        }
        return replies[0]
    }

    private func check(_ job: NewJob) throws(StoreError) {
        let problem: String? =
            if !queueNames.contains(job.queue) {
                "there is no queue \(job.queue.prefix(40)) in jobs.conf"
            } else if !JobID.isValid(job.id) {
                "a job's id must be 1 to 64 letters, digits, _ or -"
            } else if !KindName.isValid(job.kind) {
                "a job's kind must be 1 to 64 letters, digits, ., _ or -"
            } else if job.args.count > JobLimits.bytes {
                "args are \(job.args.count) bytes, at most \(JobLimits.bytes): store them and pass an id"
            } else if let key = job.key, key.isEmpty || key.utf8.count > JobLimits.keyBytes {
                "key must be 1 to \(JobLimits.keyBytes) bytes"
            } else {
                nil
            }
        if let problem { throw StoreError(.refused, problem, mayHaveRun: false) }
    }
}

extension NewJob {
    /// As `enqueue.lua` reads it.
    fileprivate func append(to command: inout RedisCommand, queue: Int) {
        var options: [(String, String)] = []
        if let maxAttempts { options.append(("max_attempts", String(maxAttempts))) }
        if let timeout { options.append(("timeout_ms", String(timeout.milliseconds))) }
        if let traceparent, !traceparent.isEmpty, traceparent.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            options.append(("traceparent", String(traceparent.prefix(128))))
        }
        if let key { options.append(("key", key)) }
        if let delay {
            options.append(("delay_ms", String(max(0, delay.milliseconds))))
        } else if let runAt {
            options.append(("run_at", String(runAt)))
        }
        if let idempotency {
            options.append(("idem", idempotency.user + ":" + idempotency.key))
            options.append(("idem_hash", idempotency.bodyHash))
            options.append(("idem_wait", String(idempotency.wait.milliseconds)))
            options.append(("idem_ms", String(RedisJobStore.idempotencyMilliseconds)))
        }
        command.append(queue)
        command.append(id)
        command.append(kind)
        command.append(args)
        command.append(options.count)
        for (name, value) in options {
            command.append(name)
            command.append(value)
        }
    }
}

extension Enqueued.Outcome {
    fileprivate init(word: Substring) {
        switch word {
        case "created": self = .created
        case "id": self = .existing(.id)
        case "key": self = .existing(.key)
        case "idempotency": self = .existing(.idempotency)
        case "mismatch": self = .idempotencyMismatch
        default: self = .refused
        }
    }
}
