extension QueueModel {
    mutating func open(_ session: String, after predecessor: String?) {
        for queue in 0..<2 {
            if let predecessor, predecessor != session {
                giveBack(inFlight(queue, predecessor))
                forget(predecessor, queue)
            }
            sessions[queue][session] = 0
        }
    }

    private mutating func forget(_ session: String, _ queue: Int) {
        sessions[queue][session] = nil
        cancelled[queue][session] = nil
    }

    /// - Returns: jobs given back.
    mutating func release(_ session: String) -> Int {
        var count = 0
        for queue in 0..<2 where sessions[queue][session] != nil {
            let held = inFlight(queue, session)
            giveBack(held)
            forget(session, queue)
            count += held.count
        }
        return count
    }

    /// - Returns: sessions ended, jobs that go on, jobs that are dead.
    mutating func reap(_ now: Int) -> String {
        var (ended, returned, poisoned) = (0, 0, 0)
        for queue in 0..<2 {
            let lost = sessions[queue].filter { $0.value > 0 }.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
            for (session, _) in lost {
                let process = String(session.prefix { $0 != "." })
                var innocent: [Int] = []
                for index in inFlight(queue, session) {
                    if !registered.contains(process) { jobs[index].crashes += 1 }
                    if jobs[index].crashes >= 3 {
                        end(index, .dead, now)
                        jobs[index].error = "poison"
                        poisoned += 1
                    } else {
                        innocent.append(index)
                    }
                }
                giveBack(innocent)
                returned += innocent.count
                forget(session, queue)
            }
            ended = max(ended, lost.count)
        }
        return "\(ended) \(returned) \(poisoned)"
    }

    mutating func settle(_ queue: Int, _ place: Place, _ change: ChangeSpec, _ now: Int) {
        guard let index = jobs.firstIndex(where: { $0.queue == queue && $0.holder == place }) else { return }
        switch change {
        case .done:
            end(index, .succeeded, now)
            jobs[index].error = nil
        case .result(let result):
            end(index, .succeeded, now)
            jobs[index].error = nil
            jobs[index].result = result
        case .tooLarge:
            end(index, .succeeded, now)
            jobs[index].error = "result_too_large"
        case .dead:
            end(index, .dead, now)
            jobs[index].error = "d"
        case .retry(let delay):
            wait(index, now + delay)
            jobs[index].crashes = 0
            jobs[index].error = "r"
        case .snooze(let delay):
            wait(index, now + delay)
            jobs[index].attempt -= 1
        case .release:
            giveBack([index])
        }
    }

    private mutating func wait(_ index: Int, _ due: Int) {
        jobs[index].state = .retrying
        jobs[index].due = due
        jobs[index].holder = nil
    }

    /// - Parameter named: the id that a foreign push without one was given by the store, by its place among the claims.
    /// - Returns: the jobs claimed, and how many pushes were unusable.
    mutating func take(
        _ queue: Int, _ session: String, suspects: Bool, _ count: Int, from slot: Int, _ now: Int,
        named: (Int) -> String
    ) -> (claims: [Int], unusable: Int) {
        if paused.contains(queue) { return ([], 0) }
        var (claims, unusable) = ([Int](), 0)
        for _ in 0..<count {
            let entry: Entry
            if suspects {
                if suspect[queue].isEmpty { break }
                entry = .job(suspect[queue].removeFirst())
            } else {
                if ready[queue].isEmpty { break }
                entry = ready[queue].removeFirst()
            }
            var index: Int
            switch entry {
            case .job(let known): index = known
            case .foreign(let push):
                guard push.isUsable else {
                    unusable += 1
                    continue
                }
                if let id = push.id, names[Name(queue: queue, text: id)] != nil { continue }
                if let key = push.key, keys[Name(queue: queue, text: key)] != nil { continue }
                index = jobs.count
                let id = push.id ?? named(claims.count)
                jobs.append(Job(id: id, queue: queue, kind: push.kind, args: push.args, key: push.key))
                names[Name(queue: queue, text: id)] = index
                if let key = push.key { keys[Name(queue: queue, text: key)] = index }
            }
            switch jobs[index].state {
            case .queued:
                jobs[index].state = .running
                jobs[index].attempt += 1
                jobs[index].hasStarted = true
                jobs[index].holder = Place(session: session, slot: slot + claims.count)
                claims.append(index)
            default:
                jobs[index].isListed = false
            }
        }
        return (claims, unusable)
    }

    mutating func cancel(_ queue: Int, _ id: String, _ now: Int) -> String {
        guard let index = index(queue, id) else { return "missing" }
        let job = jobs[index]
        switch job.state {
        case .scheduled, .retrying: break
        case .queued: jobs[index].isListed = true
        case .running: cancelled[queue][job.holder?.session ?? "", default: []].append(id)
        default: return "state \(job.state)"
        }
        end(index, .cancelled, now)
        return "changed"
    }

    mutating func retry(_ queue: Int, _ id: String) -> String {
        guard let index = index(queue, id) else { return "missing" }
        let job = jobs[index]
        guard [.dead, .cancelled, .retrying].contains(job.state) else { return "state \(job.state)" }
        if let key = job.key.map({ Name(queue: queue, text: $0) }) {
            if let holder = keys[key], holder != index { return "key \(jobs[holder].id)" }
            keys[key] = index
        }
        if job.state != .retrying {
            jobs[index].attempt = 0
            jobs[index].error = nil
            jobs[index].progress = nil
            jobs[index].hasStarted = false
        }
        jobs[index].state = .queued
        jobs[index].ended = 0
        jobs[index].isListed = false
        if !job.isListed { line(index, front: false) }
        return "changed"
    }

    mutating func discard(_ queue: Int, _ id: String, _ now: Int) -> String {
        guard let index = index(queue, id) else { return "missing" }
        let job = jobs[index]
        if job.state == .running { return "state running" }
        end(index, .discarded, now)
        if job.state == .queued { jobs[index].isListed = true }
        // Of one that had succeeded, or been cancelled and popped, only the name is left: it stays what it was.
        if job.state == .succeeded || job.state == .cancelled && !job.isListed { jobs[index].wasFinished = job.state }
        return "changed"
    }

    mutating func promote(_ now: Int) -> Int {
        var moved = 0
        for queue in 0..<2 {
            for index in due(queue, by: now) {
                jobs[index].state = .queued
                line(index, front: false)
                moved += 1
            }
        }
        return moved
    }

    mutating func prune(done: Bool, dead: Bool, _ now: Int) -> Int {
        var count = 0
        for queue in 0..<2 {
            for index in done ? ended(queue, [.succeeded, .cancelled]) : [] {
                count += 1
                if jobs[index].isListed { jobs[index].ended = now } else { forget(index) }
            }
            for index in dead ? ended(queue, [.dead]) : [] {
                count += 1
                jobs[index].state = .discarded
                forget(index)
            }
        }
        return count
    }

    private mutating func forget(_ index: Int) {
        names[Name(queue: jobs[index].queue, text: jobs[index].id)] = nil
    }
}
