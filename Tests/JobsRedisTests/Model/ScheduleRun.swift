import Testing

@testable import Jobs

/// Carries out operations on a store and on the model, and compares all that can be seen after each.
struct ScheduleRun {
    struct Worker {
        var number = 0
        /// `nil` after it was refused, until it opens the next.
        var session: String?
        /// The last one that was open.
        var predecessor: String?
        var isConnectionLost = false
        var held: [Claim] = []
        var settled: [Claim] = []
        var nextSlot = 1
    }

    struct Difference: Error, CustomStringConvertible {
        let description: String
    }

    let world: QueueWorld
    var model = QueueModel()
    var workers = Array(repeating: Worker(), count: Operation.workers)
    var now = 0
    /// Scores that a test gives: earlier than all of the store's, each later than the one before.
    private var past = 0

    init(_ world: QueueWorld) { self.world = world }

    /// - Returns: the place of the first operation after which store and model differ, and how; `nil` if none.
    static func firstDifference(_ operations: [Operation], _ world: QueueWorld) async throws -> (Int, String)? {
        var run = ScheduleRun(world)
        for (step, operation) in operations.enumerated() {
            do {
                try await run.carryOut(operation)
                let isLast = step == operations.count - 1
                try await run.compare(isLast ? .everything : step % 5 == 4 ? .listings : .sums)
            } catch let difference as Difference {
                return (step, "\(difference)")
            } catch let error as StoreError {
                return (step, "unexpected: \(error)")
            }
        }
        return nil
    }

    static func expect<T: Equatable>(_ what: String, _ store: T, _ model: T) throws {
        if store != model { throw Difference(description: "\(what): the store says \(store), the model \(model)") }
    }

    private mutating func earlier() -> Int {
        past += 1
        return past
    }

    private mutating func carryOut(_ operation: Operation) async throws {
        now = try await world.nextInstant()
        switch operation {
        case .enqueue(let specs):
            let answers = try await world.door.enqueue(specs.map { $0.job(world.queues) }).map(\.text)
            try Self.expect("enqueue", answers, model.enqueue(specs, now))
        case .exchange(let worker, let queue, let suspects, let take, let settle):
            try await exchange(worker, queue, suspects: suspects, take: take, settle)
        case .settleAgain(let worker, let queue, let change):
            guard let session = workers[worker].session else { return try await open(worker) }
            let again = workers[worker].settled.filter { $0.queue == world.queues[queue] }
            let exchange = Exchange(
                queue: world.queues[queue], session: session,
                settlements: again.map { Settlement($0, change.change) }, take: 0, firstSlot: 1_000_000)
            _ = try await asHolder(worker, alive: model.sessions[queue][session] != nil) {
                try await $0.exchange(exchange)
            }
        case .open(let worker, let names): try await open(worker, namesPredecessor: names)
        case .release(let worker):
            guard let session = workers[worker].session else { return }
            try Self.expect(
                "release", try await world.workers[worker].release(session: session), model.release(session))
            drop(worker)
        case .endLease(let worker):
            guard let session = workers[worker].session else { return }
            let at = earlier()
            try await world.endLease(session, at)
            for queue in 0..<2 where model.sessions[queue][session] != nil { model.sessions[queue][session] = at }
        case .beat(let worker): try await beat(worker)
        case .unregister(let worker):
            try await world.upkeep.unregister(process: process(worker))
            model.registered.remove(process(worker))
        case .loseConnection(let worker):
            if !world.takesForeignPushes { return }
            try await world.loseConnection(worker)
            workers[worker].isConnectionLost = true
        case .cancellations(let worker):
            guard let session = workers[worker].session else { return }
            let alive = model.sessions[0][session] != nil
            guard
                let ids = try await asHolder(
                    worker, alive: alive, minds: false, { try await $0.cancellations(session: session) })
            else { return }
            var expected: [String] = []
            for queue in 0..<2 { expected += model.cancelled[queue].removeValue(forKey: session) ?? [] }
            try Self.expect("cancellations", ids.map(\.id), expected)
        case .progress(let worker, let held), .checkpoint(let worker, let held):
            try await moveOn(worker, held, operation)
        case .reap:
            let report = try await world.upkeep.reap(lease: .milliseconds(1))
            try Self.expect(
                "reap", "\(report.sessions) \(report.returned) \(report.poisoned.count)", model.reap(now))
        case .cancel(let queue, let id):
            try Self.expect("cancel", try await world.door.cancel(id).text, model.cancel(queue, id, now))
        case .retry(let queue, let id):
            try Self.expect("retry", try await world.door.retry(id).text, model.retry(queue, id))
        case .discard(let queue, let id):
            try Self.expect("discard", try await world.door.discard(id).text, model.discard(queue, id, now))
        case .retryDead(let kind, let queue):
            let changed = try await world.door.retryDead(kind: kind, queue: queue.map { world.queues[$0] })
            let answers = dead(kind, queue).map { model.retry($0.queue, $0.id) }
            try Self.expect("retryDead", changed, answers.count { $0 == "changed" })
        case .discardDead(let kind, let queue):
            let changed = try await world.door.discardDead(kind: kind, queue: queue.map { world.queues[$0] })
            try Self.expect(
                "discardDead", changed, dead(kind, queue).count { model.discard($0.queue, $0.id, now) == "changed" })
        case .pause(let queue):
            try await world.door.pause(world.queues[queue])
            model.paused.insert(queue)
        case .resume(let queue):
            try await world.door.resume(world.queues[queue])
            model.paused.remove(queue)
        case .makeDue(let queue, let id):
            guard let index = model.index(queue, id), [.scheduled, .retrying].contains(model.jobs[index].state)
            else { return }
            let at = earlier()
            try await world.makeDue(queue, id, at)
            model.jobs[index].due = at
        case .promote:
            try Self.expect("promote", try await world.upkeep.promote().moved, model.promote(now))
        case .prune(let done, let dead):
            let long = Duration.seconds(1_000_000)
            let count = try await world.upkeep.prune(done: done ? .zero : long, dead: dead ? .zero : long)
            try Self.expect("prune", count, model.prune(done: done, dead: dead, now))
        case .push(let queue, let push):
            if !world.takesForeignPushes { return }
            try await world.push(queue, push.json)
            model.ready[queue].append(.foreign(push))
        }
    }

    private func dead(_ kind: String?, _ queue: Int?) -> [(queue: Int, id: String)] {
        (0..<2).filter { $0 == queue ?? $0 }.flatMap { queue in
            model.ended(queue, [.dead]).filter { model.jobs[$0].kind == kind ?? model.jobs[$0].kind }
                .map { (queue, model.jobs[$0].id) }
        }
    }
}
