import Redis
import TestSupport

/// Waits until `condition` holds, 10 s at most.
///
/// - Returns: whether it came to hold.
func eventually(_ condition: () async throws -> Bool) async rethrows -> Bool {
    let end = ContinuousClock.now + .seconds(10 * BuildPace.slowness)
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return false
}

/// What went wrong, `nil` if nothing did.
func failure<T>(_ body: () async throws(RedisError) -> T) async -> RedisError? {
    do throws(RedisError) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

extension RedisCommand {
    /// Blocks its connection on the server: the list never gets an element.
    static func block(_ key: String, seconds: Int) -> RedisCommand { RedisCommand("BLPOP", key, "\(seconds)") }
}
