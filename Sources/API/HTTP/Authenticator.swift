internal import CRM
internal import HTTPTypes
internal import OwnerThread

/// Bearer tokens → callers; counts failures per address.
struct Authenticator: Sendable {
    let access: AccessControl
    let failures = FailedTokens()

    /// - Throws: `Problem` 401 without a valid token; 429 if this address sent more than 100 bad ones in a minute.
    ///   A good token is never refused, and a request without one tries none.
    func caller(authorization: String?, from address: String) async throws -> Caller {
        guard let authorization else { throw Problem.unauthorized }
        if let token = Self.bearer(authorization), let caller = try await access.caller(token: token) { return caller }
        if let seconds = failures.note(address) {
            var problem = Problem(
                .tooManyRequests, "too_many_failures", "Too many failed tokens",
                "More than \(FailedTokens.limit) requests with a bad token came from this address within a minute.")
            problem.headers = [(.retryAfter, String(seconds))]
            throw problem
        }
        throw Problem.unauthorized
    }

    private static func bearer(_ header: String) -> String? {
        guard header.utf8.count <= 1024 else { return nil }
        let parts = header.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }
}

/// Failed tokens per address in a sliding minute.
final class FailedTokens: Sendable {
    static let limit = 100
    private static let window = Duration.seconds(60)
    private static let mostAddresses = 10_000

    private let times = Lock<[String: [ContinuousClock.Instant]]>([:])

    /// Notes one failure.
    ///
    /// - Returns: seconds until the address may fail again, if it is over the limit.
    func note(_ address: String, now: ContinuousClock.Instant = .now) -> Int? {
        times.withLock { times in
            if times.count > Self.mostAddresses { times = times.filter { ($0.value.last ?? now) > now - Self.window } }
            var recent = (times[address] ?? []).filter { $0 > now - Self.window }
            // The list stays short however long a flood lasts.
            if recent.count <= Self.limit { recent.append(now) }
            times[address] = recent
            guard recent.count > Self.limit, let first = recent.first else { return nil }
            let wait = first + Self.window - now
            return max(1, Int(wait.components.seconds) + 1)
        }
    }
}
