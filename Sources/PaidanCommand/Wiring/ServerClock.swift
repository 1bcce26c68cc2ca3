import JobsPostgres
import OwnerThread
import Postgres
import ServiceLifecycle

/// PostgreSQL's clock as this machine follows it: asked now and then, carried on by a clock that is never set.
///
/// What is compared with times of the tables (a channel's pause) or read by others is told by this one: the machine's
/// own may be minutes off. It stands in until PostgreSQL has answered once.
final class ServerClock: Sendable {
    private static let origin = ContinuousClock.now

    /// The server's time at ``origin``.
    private let start = Lock<Int?>(nil)

    /// Since 1970-01-01T00:00:00Z.
    func milliseconds() -> Int { start.withLock { $0 }.map { $0 + Self.sinceOrigin } ?? WallClock.milliseconds() }

    /// - Throws: `PostgresError` without an answer; the clock runs on as it did.
    func ask(_ pool: PostgresPool) async throws {
        let before = Self.sinceOrigin
        let time = try await pool.query(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", deadline: .seconds(2))[0].int(0)
        let now = Self.sinceOrigin
        start.withLock { $0 = time - (before + now) / 2 }
    }

    private static var sinceOrigin: Int { Int((ContinuousClock.now - origin) / .milliseconds(1)) }
}

/// Asks PostgreSQL for its time at the start and every half minute.
struct ClockWatch: Service {
    let clock: ServerClock
    let pool: PostgresPool

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let isKnown = (try? await clock.ask(pool)) != nil
                try? await Task.sleep(for: .seconds(isKnown ? 30 : 1))
            }
        }
    }
}
