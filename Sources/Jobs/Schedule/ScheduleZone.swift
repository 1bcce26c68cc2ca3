internal import Foundation

/// A time zone, as far as schedules need one.
public struct ScheduleZone: Sendable, Equatable {
    public let name: String
    private let zone: TimeZone

    /// - Parameter name: of the IANA database, "Asia/Shanghai".
    /// - Returns: `nil` if there is no such zone.
    public init?(_ name: String) {
        guard let zone = TimeZone(identifier: name) else { return nil }
        self.name = name
        self.zone = zone
    }

    public static func == (a: Self, b: Self) -> Bool { a.name == b.name }

    /// Offset from UTC in seconds at an instant (seconds since 1970).
    func offset(at seconds: Int) -> Int {
        zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))
    }

    /// The instants (seconds since 1970) that a wall clock shows as `local` (seconds, as if it were UTC), ascending:
    /// none in a gap, two when the hour is repeated.
    func instants(of local: Int) -> [Int] {
        let (before, after) = (offset(at: local - 86_400), offset(at: local + 86_400))
        let candidates = before == after ? [local - before] : [local - max(before, after), local - min(before, after)]
        return candidates.filter { $0 + offset(at: $0) == local }
    }

    /// The first instant after the gap that swallows the wall clock time `local`.
    func endOfGap(at local: Int) -> Int {
        var low = local - max(offset(at: local - 86_400), offset(at: local + 86_400)) - 1
        var high = local - min(offset(at: local - 86_400), offset(at: local + 86_400)) + 1
        let before = offset(at: low)
        while high - low > 1 {
            let middle = (low + high) / 2
            if offset(at: middle) == before { low = middle } else { high = middle }
        }
        return high
    }
}
