import Jobs
import JobsPostgres
import JobsRedis
import OwnerThread
import Postgres

/// Brings jobs in while faults happen: by turns straight into Redis, and as rows committed in the outbox.
final class Feeder: Sendable {
    private struct State {
        var granted = 0
        var fed = 0
        var isClosed = false
    }

    private static let chunk = 250
    private let site: Site
    private let state = Lock(State())

    init(_ site: Site) { self.site = site }

    /// Jobs brought in so far, numbered from 0.
    var fed: Int { state.withLock { $0.fed } }

    var granted: Int { state.withLock { $0.granted } }

    /// Lets so many more in.
    func grant(_ jobs: Int) { state.withLock { $0.granted += jobs } }

    /// Ends ``run()`` once everything granted is in.
    func close() { state.withLock { $0.isClosed = true } }

    func run() async throws {
        while true {
            let (first, count, isOver) = state.withLock { state in
                let count = min(Self.chunk, state.granted - state.fed)
                return (state.fed, count, state.isClosed && count <= 0)
            }
            if isOver { return }
            if count <= 0 {
                try await Task.sleep(for: .milliseconds(10))
                continue
            }
            let numbers = first..<first + count
            if site.plan.outboxOnly || (first / Self.chunk).isMultiple(of: 2) {
                try await commit(numbers)
            } else {
                try await enqueue(numbers)
            }
            state.withLock { $0.fed += count }
        }
    }

    private static func kind(of number: Int) -> String { number % 16 == 15 ? "chaos.single" : "chaos.mark" }

    /// The same ids each time: a repeat changes nothing.
    private func enqueue(_ numbers: Range<Int>) async throws {
        let jobs = numbers.map { number in
            let kind = Self.kind(of: number)
            return NewJob(
                id: "chaos-\(number)", kind: kind, args: Array("{\"n\":\(number)}".utf8),
                queue: kind == "chaos.single" ? "critical" : "default")
        }
        _ = try await persistently { try await site.store.enqueue(jobs) }
    }

    /// A commit whose end is unknown is found by its row.
    private func commit(_ numbers: Range<Int>) async throws {
        let jobs = numbers.map { OutboxJob(kind: Self.kind(of: $0), args: Array("{\"n\":\($0)}".utf8)) }
        try await persistently {
            try await site.pool.transaction { tx in
                let isNew =
                    try tx.query(
                        "INSERT INTO chaos.born (first) VALUES (\(numbers.lowerBound)) ON CONFLICT DO NOTHING"
                    ).affected == 1
                if isNew { try Outbox.append(jobs, in: &tx) }
            }
        }
    }
}
