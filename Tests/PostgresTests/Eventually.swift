import TestSupport
import Testing

/// Waits until `condition` holds; records an issue if it does not within `time`.
func eventually(
    within time: Duration = .seconds(10), sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + time * BuildPace.slowness
    while try await !condition() {
        guard ContinuousClock.now < end else {
            Issue.record("the condition did not come to hold", sourceLocation: sourceLocation)
            throw NotInTime()
        }
        try await Task.sleep(for: .milliseconds(1))
    }
}

struct NotInTime: Error {}
