import Logging
import OwnerThread

/// Lets a line about a lasting trouble through once in a while, with the number of those left out since.
///
/// A line says that it is one by `trouble` in its metadata, whose value names the trouble; every other line passes.
final class TroubleFilter: Sendable {
    enum Passage: Equatable {
        case pass(leftOut: Int)
        case drop
    }

    /// One line of a kind in so long.
    static let pause = Duration.seconds(10)
    private static let mostKinds = 1000

    private struct Last {
        var at: ContinuousClock.Instant
        var leftOut = 0
    }

    private let lasts = Lock<[String: Last]>([:])

    func judge(_ kind: String, now: ContinuousClock.Instant = .now) -> Passage {
        lasts.withLock { lasts in
            if lasts.count > Self.mostKinds { lasts = [:] }
            guard let last = lasts[kind], now - last.at < Self.pause else {
                let leftOut = lasts[kind]?.leftOut ?? 0
                lasts[kind] = Last(at: now)
                return .pass(leftOut: leftOut)
            }
            lasts[kind]?.leftOut += 1
            return .drop
        }
    }
}
