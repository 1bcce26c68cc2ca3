import Jobs
import JobsPostgres
import Logging
import OwnerThread
import Postgres
import ServiceLifecycle
import TestSupport
import Testing

/// A queue of ids in memory; only the door that the relay uses is open.
private final class MemoryDoor: JobDoor {
    struct Taken: Sendable {
        var jobs: [String: NewJob] = [:]
        var calls = 0
        var repeats = 0
        var failure: StoreError?
    }
    let taken = Lock(Taken())
    let arrivals = AsyncStream<String>.makeStream()

    func enqueue(_ jobs: [NewJob]) async throws(StoreError) -> [Enqueued] {
        let result = taken.withLock { taken -> Result<[Enqueued], StoreError> in
            taken.calls += 1
            if let failure = taken.failure { return .failure(failure) }
            if jobs.contains(where: { $0.kind == "refused" }) {
                return .failure(StoreError(.refused, "key is longer than 200 bytes", mayHaveRun: false))
            }
            return .success(
                jobs.map { job in
                    if taken.jobs.updateValue(job, forKey: job.id) != nil { taken.repeats += 1 }
                    return Enqueued(id: job.id, outcome: .created)
                })
        }
        let answer = try result.get()
        for job in jobs { arrivals.continuation.yield(job.id) }
        return answer
    }

    private let closed = StoreError(.refused, "not in this test", mayHaveRun: false)
    func job(_ id: String) async throws(StoreError) -> JobView? { throw closed }
    func jobs(_ filter: JobFilter, cursor: String?, limit: Int) async throws(StoreError) -> JobPage { throw closed }
    func retry(_ id: String) async throws(StoreError) -> ChangeResult { throw closed }
    func cancel(_ id: String) async throws(StoreError) -> ChangeResult { throw closed }
    func discard(_ id: String) async throws(StoreError) -> ChangeResult { throw closed }
    func retryDead(kind: String?, queue: String?) async throws(StoreError) -> Int { throw closed }
    func discardDead(kind: String?, queue: String?) async throws(StoreError) -> Int { throw closed }
    func queues() async throws(StoreError) -> [QueueView] { throw closed }
    func pause(_ queue: String) async throws(StoreError) { throw closed }
    func resume(_ queue: String) async throws(StoreError) { throw closed }
    func census(_ queue: String) async throws(StoreError) -> Census { throw closed }
    func workers() async throws(StoreError) -> [WorkerInfo] { throw closed }
}

@Suite("The relay")
struct RelayTests {
    private func relay(_ story: Story, _ door: MemoryDoor) -> Relay {
        Relay(
            pool: story.pool, conninfo: story.conninfo, store: door, kinds: KindRegistry([]),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func append(_ story: Story, _ kinds: [String]) async throws -> [String] {
        try await story.pool.transaction { try Outbox.append(kinds.map { OutboxJob(kind: $0) }, in: &$0) }
    }

    private let waiting: SQL = "SELECT count(*) FROM paidan.outbox WHERE sent_at IS NULL"

    @Test("takes every row once, in order of birth, by batches, with all that the row says")
    func all() async throws {
        try await Story.tell { story in
            let door = MemoryDoor()
            var relay = relay(story, door)
            relay.batch = 100
            let ids = try await append(story, Array(repeating: "noop", count: 250))
            _ = try await story.pool.transaction { tx in
                try Outbox.append(
                    [
                        OutboxJob(
                            kind: "last", args: Array(#"{"a": 1}"#.utf8), queue: "bulk", key: "k", delay: .seconds(60),
                            maxAttempts: 4, traceparent: "t")
                    ], in: &tx)
            }
            #expect(try await relay.relay() == 100)
            #expect(Set(door.taken.withLock { $0.jobs.keys }) == Set(ids.prefix(100)))
            #expect(try await relay.relay() == 100)
            #expect(try await relay.relay() == 51)
            #expect(try await relay.relay() == 0)
            let taken = door.taken.withLock { $0 }
            #expect(taken.jobs.count == 251 && taken.repeats == 0)
            let last = taken.jobs.values.first { $0.kind == "last" }
            #expect(last?.args == Array(#"{"a": 1}"#.utf8))
            #expect(last?.queue == "bulk" && last?.key == "k" && last?.maxAttempts == 4 && last?.traceparent == "t")
            let runAt = try await story.number(
                "SELECT (extract(epoch FROM run_at) * 1000)::bigint FROM paidan.outbox WHERE kind = 'last'")
            #expect(last?.runAt == runAt)
            #expect(try await story.number(waiting) == 0)
        }
    }

    @Test("killed between the enqueue and its commit: relayed again with the same ids, no job is doubled")
    func killed() async throws {
        try await Story.tell { story in
            let door = MemoryDoor()
            var relay = relay(story, door)
            relay.claim = .milliseconds(1)
            let ids = try await append(story, ["a", "b", "c"])
            // What the crash leaves: the jobs are in the queue, the rows are claimed and not marked.
            try await story.page(
                "CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''crash''; END'")
            try await story.page(
                "CREATE TRIGGER crash BEFORE UPDATE OF sent_at ON paidan.outbox FOR EACH ROW EXECUTE FUNCTION crash()")
            await #expect(throws: PostgresError.self) { try await relay.relay() }
            #expect(try await story.number(waiting) == 3)
            try await story.page("DROP TRIGGER crash ON paidan.outbox")
            #expect(try await relay.relay() == 3)
            let taken = door.taken.withLock { $0 }
            #expect(Set(taken.jobs.keys) == Set(ids) && taken.repeats == 3)
            #expect(try await story.number(waiting) == 0)
        }
    }

    @Test("two relays at once share the rows")
    func two() async throws {
        try await Story.tell { story in
            let door = MemoryDoor()
            var relay = relay(story, door)
            relay.batch = 20
            _ = try await append(story, Array(repeating: "noop", count: 400))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask { [relay] in
                        // A batch may be short where another relay holds rows; the last look decides.
                        while try await relay.relay() > 0 {}
                    }
                }
                try await group.waitForAll()
            }
            #expect(door.taken.withLock { $0.jobs.count } == 400)
            #expect(door.taken.withLock { $0.repeats } == 0)
        }
    }

    @Test("the queue is away: the rows wait, and go as soon as it is back")
    func away() async throws {
        try await Story.tell { story in
            let door = MemoryDoor()
            let relay = relay(story, door)
            _ = try await append(story, ["a"])
            door.taken.withLock { $0.failure = StoreError(.unavailable, "away", mayHaveRun: true) }
            await #expect(throws: StoreError.self) { try await relay.relay() }
            door.taken.withLock { $0.failure = nil }
            #expect(try await relay.relay() == 1)
        }
    }

    @Test("one row that the queue refuses does not hold up the others")
    func refusedRow() async throws {
        try await Story.tell { story in
            let door = MemoryDoor()
            let relay = relay(story, door)
            _ = try await append(story, ["a", "refused", "b"])
            #expect(try await relay.relay() == 3)
            #expect(door.taken.withLock { $0.jobs.values.map(\.kind).sorted() } == ["a", "b"])
            #expect(try await story.number(waiting) == 1)
            #expect(try await relay.relay() == 0)
        }
    }

    @Test("a commit wakes it within a fraction of the fallback's second; it stops when asked")
    func wakes() async throws {
        try await Story.tell { story in
            let door = MemoryDoor()
            let relay = relay(story, door)
            let group = ServiceGroup(
                services: [relay], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                var arrivals = door.arrivals.stream.makeAsyncIterator()
                _ = try await append(story, ["first"])
                _ = await arrivals.next()
                var delays: [Duration] = []
                for _ in 0..<20 {
                    let watch = Stopwatch()
                    _ = try await append(story, ["next"])
                    _ = await arrivals.next()
                    delays.append(watch.granted)
                }
                #expect(delays.sorted()[10] < .milliseconds(250 * BuildPace.slowness))
                print(
                    "relay latency from append to enqueue: median \(delays.sorted()[10]), worst \(delays.max() ?? .zero)"
                )
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
            #expect(try await story.number(waiting) == 0)
        }
    }
}
