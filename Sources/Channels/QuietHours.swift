/// A daily time when nothing is sent, like `22:00-08:00`; an end before the start is on the next day.
public struct QuietHours: Sendable, Equatable {
    /// Minutes from midnight, 0–1439.
    public let start: Int
    /// Minutes from midnight, 0–1440, not included.
    public let end: Int

    /// - Returns: nil unless `text` is `HH:MM-HH:MM` with two different times.
    public init?(_ text: String) {
        let times = text.split(separator: "-", omittingEmptySubsequences: false).map { time -> Int? in
            let parts = time.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2,
                parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy { (48...57).contains($0) } }),
                let hour = Int(parts[0]), let minute = Int(parts[1]), minute < 60, hour * 60 + minute <= 1440
            else { return nil }
            return hour * 60 + minute
        }
        guard times.count == 2, let start = times[0], let end = times[1], start != end, start < 1440 else { return nil }
        self.start = start
        self.end = end
    }

    /// - Parameter minute: of the day, 0–1439.
    /// - Returns: minutes until it ends, nil if it is not quiet then.
    public func remaining(at minute: Int) -> Int? {
        if start < end { return (start..<end).contains(minute) ? end - minute : nil }
        if minute >= start { return 1440 - minute + end }
        return minute < end ? end - minute : nil
    }
}
