/// The queue as plain values, said once more and independently of both stores: what each operation does to each job.
///
/// Nothing is counted: every job that ever was is kept, and the census is read off them.
struct QueueModel {
    enum State: String { case scheduled, queued, running, retrying, succeeded, dead, cancelled, discarded }

    struct Job {
        let id: String
        let queue: Int
        let kind: String
        let args: String
        var key: String?
        var state = State.queued
        var attempt = 0
        var crashes = 0
        var due: Int?
        var ended = 0
        var error: String?
        var result: String?
        var progress: String?
        var holder: Place?
        var hasStarted = false
        /// Discarded after it had finished: how.
        var wasFinished: State?
        /// Cancelled or discarded, and its id still waits to be popped.
        var isListed = false
    }

    struct Place: Hashable {
        let session: String
        let slot: Int
    }
    struct Name: Hashable {
        let queue: Int
        let text: String
    }
    enum Entry: Equatable {
        case job(Int)
        case foreign(ForeignPush)
    }

    /// Every job that ever was.
    var jobs: [Job] = []
    /// What a name means now.
    var names: [Name: Int] = [:]
    var keys: [Name: Int] = [:]
    var idempotent: [Name: (id: String, hash: String)] = [:]
    /// The front comes first.
    var ready: [[Entry]] = [[], []]
    var suspect: [[Int]] = [[], []]
    /// Of each queue: session → when its lease ended, 0 while it holds.
    var sessions: [[String: Int]] = [[:], [:]]
    var cancelled: [[String: [String]]] = [[:], [:]]
    var paused: Set<Int> = []
    var registered: Set<String> = []

    func index(_ queue: Int, _ id: String) -> Int? {
        guard let index = names[Name(queue: queue, text: id)], jobs[index].state != .discarded else { return nil }
        return index
    }

    mutating func enqueue(_ specs: [JobSpec], _ now: Int) -> [String] {
        var next = self
        let answers = specs.map { next.enqueue($0, now) }
        if answers.contains(where: { $0.hasSuffix("mismatch") }) {
            return answers.map { $0.replacing("created", with: "refused") }
        }
        self = next
        return answers
    }

    private mutating func enqueue(_ spec: JobSpec, _ now: Int) -> String {
        let idem = spec.idempotency.map { Name(queue: spec.queue, text: $0.key) }
        if let idem, let hash = spec.idempotency?.hash, let known = idempotent[idem] {
            return known.hash == hash ? "\(known.id) idempotency" : "\(spec.id) mismatch"
        }
        let name = Name(queue: spec.queue, text: spec.id)
        let key = spec.key.map { Name(queue: spec.queue, text: $0) }
        var (id, outcome) = (spec.id, "created")
        if names[name] != nil {
            outcome = "id"
        } else if let key, let holder = keys[key] {
            (id, outcome) = (jobs[holder].id, "key")
        } else {
            var job = Job(id: spec.id, queue: spec.queue, kind: spec.kind, args: spec.args, key: spec.key)
            if let delay = spec.delay, delay > 0 {
                job.state = .scheduled
                job.due = now + delay
            } else {
                ready[spec.queue].append(.job(jobs.count))
            }
            names[name] = jobs.count
            if let key { keys[key] = jobs.count }
            jobs.append(job)
        }
        if let idem { idempotent[idem] = (id, spec.idempotency?.hash ?? "") }
        return "\(id) \(outcome)"
    }

    mutating func end(_ index: Int, _ state: State, _ now: Int) {
        if let key = jobs[index].key, keys[Name(queue: jobs[index].queue, text: key)] == index {
            keys[Name(queue: jobs[index].queue, text: key)] = nil
        }
        jobs[index].state = state
        jobs[index].crashes = 0
        jobs[index].ended = now
        jobs[index].holder = nil
    }

    /// To the front, in this order; the attempt is not spent.
    mutating func giveBack(_ indices: [Int]) {
        for index in indices.reversed() {
            jobs[index].state = .queued
            jobs[index].attempt -= 1
            jobs[index].holder = nil
            line(index, front: true)
        }
    }

    mutating func line(_ index: Int, front: Bool) {
        let queue = jobs[index].queue
        if jobs[index].crashes >= 2 {
            suspect[queue].insert(index, at: front ? 0 : suspect[queue].count)
        } else {
            ready[queue].insert(.job(index), at: front ? 0 : ready[queue].count)
        }
    }

    /// In the order they were claimed.
    func inFlight(_ queue: Int, _ session: String) -> [Int] {
        jobs.indices.filter { jobs[$0].queue == queue && jobs[$0].holder?.session == session }
            .sorted { jobs[$0].holder?.slot ?? 0 < jobs[$1].holder?.slot ?? 0 }
    }

    func due(_ queue: Int, by now: Int) -> [Int] {
        jobs.indices.filter {
            jobs[$0].queue == queue && [.scheduled, .retrying].contains(jobs[$0].state) && jobs[$0].due ?? 0 <= now
        }.sorted { (jobs[$0].due ?? 0, jobs[$0].id) < (jobs[$1].due ?? 0, jobs[$1].id) }
    }

    /// Those that have a name still, the first to end first.
    func ended(_ queue: Int, _ states: Set<State>) -> [Int] {
        jobs.indices.filter {
            jobs[$0].queue == queue && states.contains(jobs[$0].state)
                && names[Name(queue: queue, text: jobs[$0].id)] == $0
        }.sorted { (jobs[$0].ended, jobs[$0].id) < (jobs[$1].ended, jobs[$1].id) }
    }
}
