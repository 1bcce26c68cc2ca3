import Jobs
import JobsRedis
import Testing

/// A store over queues of its own, and short words for what tests do to it.
protocol TestedStore {
    var anyStore: any JobStore { get }
    var queue: String { get }
    var process: String { get }
}

extension TestedStore {
    var info: WorkerInfo {
        WorkerInfo(process: process, host: "h", pid: 1, version: "1", startedAt: 0)
    }

    func job(_ id: String, _ args: String = "{}", kind: String = "noop") -> NewJob {
        NewJob(id: id, kind: kind, args: Array(args.utf8), queue: queue)
    }

    func open(_ number: Int, after: Int? = nil, lease: Duration = .seconds(15)) async throws -> String {
        let name = "\(process).\(number)"
        try await anyStore.open(session: name, lease: lease, predecessor: after.map { "\(process).\($0)" })
        return name
    }

    func take(
        _ session: String, _ count: Int, lane: Lane = .ready, from slot: Int, settle: [Settlement] = []
    ) async throws -> [Claim] {
        try await anyStore.exchange(
            Exchange(queue: queue, session: session, lane: lane, settlements: settle, take: count, firstSlot: slot)
        ).claims
    }

    func state(_ id: String) async throws -> JobState? { try await anyStore.job(id)?.state }

    func expectBalance(_ comment: Comment? = nil, at location: SourceLocation = #_sourceLocation) async throws {
        let census = try await anyStore.census(queue)
        #expect(census.difference == 0, "\(census)", sourceLocation: location)
    }
}

extension Fixture {
    var anyStore: any JobStore { store }
}

extension Enqueued {
    /// Without the store's time.
    var untimed: Enqueued { Enqueued(id: id, outcome: outcome, waitedUntil: waitedUntil) }
}

/// What every store must do alike is tested on each of these.
enum StoreUnderTest: CaseIterable, Sendable { case memory, redis }

struct StoreCase: TestedStore {
    let store: any JobStore
    let queue: String
    let second: String
    let process: String
    private let redis: Fixture?

    init(_ which: StoreUnderTest) async throws {
        switch which {
        case .memory:
            (queue, second, process) = ("first", "second", "process")
            let start = ContinuousClock.now
            store = MemoryJobStore(
                queues: [queue, second],
                now: { 1_700_000_000_000 + Int((ContinuousClock.now - start) / .milliseconds(1)) })
            redis = nil
        case .redis:
            let f = try await Fixture()
            (queue, second, process) = (f.queue, f.second, f.process)
            store = f.store
            redis = f
        }
    }

    var anyStore: any JobStore { store }

    /// Crashes count from here on.
    func waitForUptime() async throws { try await redis?.waitForUptime() }
}
