internal import OwnerThread
public import Postgres

/// Tokens → callers, from memory where it is fresh.
///
/// An entry is good for 30 s, also while PostgreSQL is away; a change of users, roles, permissions or tokens makes
/// every entry stale at once (`forgetAll`, called by whoever hears of it: see `AccessWatch`).
public final class AccessControl: Sendable {
    private static let freshness = Duration.seconds(30)
    private static let mostEntries = 10_000

    private struct Entry {
        let caller: Caller
        let loadedAt: ContinuousClock.Instant
        /// By the clock of this machine; the database has judged it when the entry was loaded.
        let expiresIn: Duration?
    }

    private struct State {
        var entries: [TokenDigest: Entry] = [:]
        /// Grows with every `forgetAll`, so that a load begun before one is not kept after it.
        var generation = 0
    }

    private let store: AccessStore
    private let state = Lock(State())

    public init(pool: PostgresPool) { store = AccessStore(pool: pool) }

    /// - Returns: nil for a token that is unknown, expired or revoked.
    /// - Throws: `PostgresError` when the token is not in memory and the database cannot be asked.
    public func caller(token: String) async throws -> Caller? {
        let digest = TokenDigest(of: token)
        let now = ContinuousClock.now
        let (entry, generation) = state.withLock { ($0.entries[digest], $0.generation) }
        if let entry, now < entry.loadedAt + min(Self.freshness, entry.expiresIn ?? Self.freshness) {
            return entry.caller
        }
        guard let loaded = try await store.caller(digest) else {
            state.withLock { _ = $0.entries.removeValue(forKey: digest) }
            return nil
        }
        state.withLock { state in
            guard state.generation == generation else { return }
            if state.entries.count >= Self.mostEntries { state.entries.removeAll() }
            state.entries[digest] = Entry(caller: loaded.caller, loadedAt: now, expiresIn: loaded.expiresIn)
        }
        return loaded.caller
    }

    /// Makes every entry stale.
    public func forgetAll() {
        state.withLock { state in
            state.entries.removeAll()
            state.generation += 1
        }
    }
}
