extension Cron {
    /// The first fire strictly after an instant.
    ///
    /// A time that does not exist fires at the first instant after the gap; a fixed hour that exists twice fires at the
    /// first; entries whose hour is `*` or `*/n` go by elapsed time.
    ///
    /// - Parameter instant: milliseconds since 1970.
    /// - Returns: milliseconds since 1970, whole minutes; `nil` if there is none within 8 years (30 February).
    public func next(after instant: Int, in zone: ScheduleZone) -> Int? {
        let from = instant.flooredBy(1000)
        // A day earlier: a time swallowed by a gap fires after its own wall clock time.
        let first = CivilDate.of(minutes: (from + zone.offset(at: from)) / 60).days - 1
        for days in first...(first + Self.horizon) where matches(day: CivilDate(days: days)) {
            let day = WallDay(days: days, zone)
            let fire =
                switch day.offset {
                case let offset?: firstSteady(after: from, day.midnight - offset)
                case nil: goesByElapsedTime ? firstElapsed(after: from, day, zone) : firstFixed(after: from, day, zone)
                }
            if let fire { return fire * 1000 }
        }
        return nil
    }

    /// Days from one 29 February to the next around a year such as 2100, and some.
    private static let horizon = 8 * 366

    /// Of a day without a change of the clocks that begins at the instant `start` (seconds).
    private func firstSteady(after from: Int, _ start: Int) -> Int? {
        let least = max(0, (from - start).flooredBy(60) + 1)
        return timeOfDay(from: least).map { start + $0 * 60 }
    }

    /// Each fixed time once. Later times of a day never fire earlier, so the first that is after `from` is the answer.
    private func firstFixed(after from: Int, _ day: WallDay, _ zone: ScheduleZone) -> Int? {
        // A time fires at the latest when the smaller offset says it is.
        var least = max(0, (from + day.offsets.lowerBound - day.midnight).flooredBy(60))
        while let minutes = timeOfDay(from: least) {
            let local = day.midnight + minutes * 60
            let fire = zone.instants(of: local).first ?? zone.endOfGap(at: local)
            if fire > from { return fire }
            least = minutes + 1
        }
        return nil
    }

    /// Walks the instants of the day; each is judged by what the wall clock shows.
    private func firstElapsed(after from: Int, _ day: WallDay, _ zone: ScheduleZone) -> Int? {
        let start = max(day.midnight - day.offsets.upperBound, (from.flooredBy(60) + 1) * 60)
        let end = day.midnight + 86_400 - day.offsets.lowerBound
        for instant in stride(from: start, to: end, by: 60) {
            let minutes = (instant + zone.offset(at: instant)).flooredBy(60)
            let date = CivilDate.of(minutes: minutes)
            let ofDay = minutes - date.days * 1440
            if minute.contains(ofDay % 60), hour.contains(ofDay / 60), matches(day: date) { return instant }
        }
        return nil
    }

    /// The first allowed time of a day, in minutes since midnight, from `least` on.
    private func timeOfDay(from least: Int) -> Int? {
        guard let hour = hour.next(from: least / 60) else { return nil }
        if hour == least / 60 {
            if let minute = minute.next(from: least % 60) { return hour * 60 + minute }
            guard let next = self.hour.next(from: hour + 1) else { return nil }
            return next * 60 + (minute.next(from: 0) ?? 0)
        }
        return hour * 60 + (minute.next(from: 0) ?? 0)
    }
}

/// One day of the wall clock in a zone. All in seconds.
private struct WallDay {
    /// Its beginning as if it were UTC.
    let midnight: Int
    /// From the smallest to the largest offset from UTC that it sees.
    let offsets: ClosedRange<Int>
    /// Its one offset from UTC; nil if the clocks change.
    var offset: Int? { offsets.lowerBound == offsets.upperBound ? offsets.lowerBound : nil }

    init(days: Int, _ zone: ScheduleZone) {
        midnight = days * 86_400
        // No zone is a day or more away from UTC.
        let (before, after) = (zone.offset(at: midnight - 86_400), zone.offset(at: midnight + 2 * 86_400))
        // Only a change within the day itself counts.
        let first = zone.offset(at: midnight - max(before, after))
        let last = zone.offset(at: midnight + 86_400 - min(before, after))
        offsets = min(first, last)...max(first, last)
    }
}

extension Int {
    /// Divided and rounded down.
    fileprivate func flooredBy(_ divisor: Int) -> Int { self / divisor - (self % divisor < 0 ? 1 : 0) }
}
