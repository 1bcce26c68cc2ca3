internal import Jobs
internal import OwnerThread

/// Joins the jobs of runs that overlap into one transaction after another: they would wait for the same lock, and a
/// transaction costs much the same however many customers it has.
///
/// With many jobs in hand a transaction takes half of them: what the other half needs from Redis is done beside it.
final class AssignmentGroups: Sendable {
    typealias Ended = Result<[Outcome], any Error>
    /// Makes the transaction of some tasks, with one outcome each, in their order. Nothing that comes after its call of
    /// `isDecided` bears on the next transaction, which may begin then.
    typealias Work =
        @Sendable (_ tasks: [AssignmentTask], _ isDecided: @escaping @Sendable () -> Void) async throws
        -> [Outcome]

    private enum Turn: Sendable {
        /// The transaction is this run's to make, for all who wait.
        ///
        /// - Parameter after: jobs of the transaction that passed on just now, 0 if none did.
        case leads(after: Int)
        case ended(Ended)
    }

    private struct Waiter: Sendable {
        let tasks: [AssignmentTask]
        let turn: CheckedContinuation<Turn, Never>
    }

    private struct State {
        var isBusy = false
        var waiting: [Waiter] = []

        var jobs: Int { waiting.reduce(0) { $0 + $1.tasks.count } }
    }

    /// How long a small transaction waits for those whose places the last one makes free: they are claimed in a moment.
    /// Without it two small halves would take turns for ever, at nearly the cost of two wholes.
    static let companyWait = Duration.milliseconds(4)
    /// So many jobs need no company. One transaction takes more only if twice as many are in hand.
    static let enough = 64

    private let state = Lock(State())

    /// Jobs that wait for the transaction under way.
    var waiting: Int { state.withLock { $0.jobs } }

    /// - Parameter work: is not cancelled with the run that leads: the others' jobs are in the same transaction, and a
    ///   receipt refuses what another has done meanwhile.
    /// - Returns: one outcome for each of `tasks`.
    func run(_ tasks: [AssignmentTask], _ work: @escaping Work) async throws -> [Outcome] {
        let turn = await withCheckedContinuation { turn in
            let leads = state.withLock { state in
                defer { state.isBusy = true }
                if state.isBusy { state.waiting.append(Waiter(tasks: tasks, turn: turn)) }
                return !state.isBusy
            }
            if leads { turn.resume(returning: .leads(after: 0)) }
        }
        let before: Int
        switch turn {
        case .ended(let end): return try end.get()
        case .leads(let count):
            before = count
            await company(for: tasks.count, after: count)
        }
        let company = state.withLock { state in
            let most = max(Self.enough, (before + tasks.count + state.jobs) / 2)
            var jobs = tasks.count
            let company = state.waiting.prefix { waiter in
                defer { jobs += waiter.tasks.count }
                // Whoever brings it nearer to the half than it is without him.
                return jobs + waiter.tasks.count / 2 < most
            }
            state.waiting.removeFirst(company.count)
            return company
        }
        let all = tasks + company.flatMap(\.tasks)
        let isPassedOn = Lock(false)
        let passOn: @Sendable () -> Void = { [self] in
            let isFirst = isPassedOn.withLock { isPassedOn in
                defer { isPassedOn = true }
                return !isPassedOn
            }
            if isFirst { self.passOn(after: all.count) }
        }
        let end = await Task { try await work(all, passOn) }.result
        passOn()
        var rest = tasks.count..<tasks.count
        for waiter in company {
            rest = rest.upperBound..<(rest.upperBound + waiter.tasks.count)
            waiter.turn.resume(returning: .ended(end.map { [rest] in Array($0[rest]) }))
        }
        return try end.map { Array($0.prefix(tasks.count)) }.get()
    }

    /// Waits until as many have come as the last transaction let go, but not long.
    private func company(for own: Int, after count: Int) async {
        let end = ContinuousClock.now + Self.companyWait
        while ContinuousClock.now < end, own + waiting < Self.enough, waiting < count {
            do { try await Task.sleep(for: .microseconds(250)) } catch { return }
        }
    }

    /// The first of those who came meanwhile leads the next transaction.
    private func passOn(after count: Int) {
        let next = state.withLock { state -> Waiter? in
            if state.waiting.isEmpty {
                state.isBusy = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.turn.resume(returning: .leads(after: count))
    }
}
