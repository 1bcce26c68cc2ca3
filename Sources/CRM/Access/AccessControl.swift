internal import OwnerThread
public import Postgres

/// Tokens → callers, from memory where it is fresh.
///
/// An entry is good for 30 s, also while PostgreSQL is away; one in use is asked for again behind the caller's back, so
/// that a token seen lately is good for about 30 s from then. A change of users, roles, permissions or tokens makes
/// every entry stale at once (`forgetAll`, called by whoever hears of it: see `AccessWatch`): a stale one counts only
/// while the database cannot be asked.
public final class AccessControl: Sendable {
    private static let freshness = Duration.seconds(30)
    /// Age at which an entry that is used is loaded again.
    private static let renewal = Duration.seconds(2)
    /// How long a stale entry waits to be renewed before it is used as it is.
    private static let staleWait = Duration.seconds(1)
    private static let mostEntries = 10_000

    private struct Entry {
        let caller: Caller
        let goodUntil: ContinuousClock.Instant
        /// When the next request is to load it again.
        var renewAt: ContinuousClock.Instant
        var isStale = false
    }

    private struct State {
        var entries: [TokenDigest: Entry] = [:]
        /// Grows with every `forgetAll`, so that what a load begun before one brings is stale.
        var generation = 0
    }

    private let store: AccessStore
    private let state = Lock(State())

    private let clock: @Sendable () -> ContinuousClock.Instant

    public convenience init(pool: PostgresPool) { self.init(pool: pool, clock: { .now }) }

    init(pool: PostgresPool, clock: @escaping @Sendable () -> ContinuousClock.Instant) {
        store = AccessStore(pool: pool)
        self.clock = clock
    }

    /// - Returns: nil for a token that is unknown, expired or revoked.
    /// - Throws: `PostgresError` when the token is not in memory and the database cannot be asked.
    public func caller(token: String) async throws -> Caller? {
        let digest = TokenDigest(of: token)
        let now = clock()
        let (entry, isDue) = state.withLock { state -> (Entry?, Bool) in
            guard let entry = state.entries[digest], now < entry.goodUntil else { return (nil, false) }
            guard !entry.isStale, now >= entry.renewAt else { return (entry, false) }
            // One request renews, the others go on.
            state.entries[digest]?.renewAt = now + Self.renewal
            return (entry, true)
        }
        guard let entry else { return try await load(digest) }
        if entry.isStale {
            do { return try await load(digest, within: Self.staleWait) } catch let error as PostgresError
                where error.isInfrastructure
            {
                return entry.caller
            }
        }
        // Without an answer the entry stays as it is: that is what it is kept for.
        if isDue { Task { try? await load(digest) } }
        return entry.caller
    }

    @discardableResult private func load(
        _ digest: TokenDigest, within deadline: Duration? = nil
    ) async throws -> Caller? {
        let now = clock()
        let generation = state.withLock { $0.generation }
        guard let loaded = try await store.caller(digest, within: deadline) else {
            state.withLock { _ = $0.entries.removeValue(forKey: digest) }
            return nil
        }
        state.withLock { state in
            if state.entries.count >= Self.mostEntries { state.entries.removeAll() }
            // `expiresIn` is the database's judgement at the time of the load.
            let goodFor = min(Self.freshness, loaded.expiresIn ?? Self.freshness)
            state.entries[digest] = Entry(
                caller: loaded.caller, goodUntil: now + goodFor, renewAt: now + Self.renewal,
                isStale: state.generation != generation)
        }
        return loaded.caller
    }

    /// Makes every entry stale.
    public func forgetAll() {
        state.withLock { state in
            for digest in state.entries.keys { state.entries[digest]?.isStale = true }
            state.generation += 1
        }
    }
}
