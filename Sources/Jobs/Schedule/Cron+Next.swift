extension Cron {
    /// The first fire strictly after an instant.
    ///
    /// A time that does not exist fires at the first instant after the gap; a fixed hour that exists twice fires at the
    /// first; entries whose hour is `*` or `*/n` go by elapsed time.
    ///
    /// - Parameter instant: milliseconds since 1970.
    /// - Returns: milliseconds since 1970, whole minutes; `nil` if there is none within 8 years (30 February).
    public func next(after instant: Int, in zone: ScheduleZone) -> Int? {
        let from = Int((Double(instant) / 1000).rounded(.down))
        return (goesByElapsedTime ? nextElapsed(after: from, zone) : nextFixed(after: from, zone)).map { $0 * 1000 }
    }

    private static let horizon = 8 * 366

    /// Walks wall clock days, and in each the fixed times.
    private func nextFixed(after from: Int, _ zone: ScheduleZone) -> Int? {
        // A day earlier: a time swallowed by a gap fires after its own wall clock time.
        let first = CivilDate.of(minutes: (from + zone.offset(at: from)) / 60).days - 1
        for days in first...(first + Self.horizon) where matches(day: CivilDate(days: days)) {
            var best: Int?
            for hour in 0..<24 where self.hour.contains(hour) {
                for minute in 0..<60 where self.minute.contains(minute) {
                    let local = days * 86_400 + hour * 3600 + minute * 60
                    let fire = zone.instants(of: local).first ?? zone.endOfGap(at: local)
                    if fire > from, fire < best ?? .max { best = fire }
                    // Later times of a day without a change of the clocks come later.
                    if let best, fire > best + 86_400 { break }
                }
                if let best, best < days * 86_400 + hour * 3600 - zone.offset(at: best) - 7200 { break }
            }
            if let best { return best }
        }
        return nil
    }

    /// Walks instants; each is judged by what the wall clock shows.
    private func nextElapsed(after from: Int, _ zone: ScheduleZone) -> Int? {
        var instant = (from / 60 + 1) * 60
        let end = from + Self.horizon * 86_400
        while instant < end {
            let local = instant + zone.offset(at: instant)
            let date = CivilDate.of(minutes: local / 60)
            if !matches(day: date) {
                instant = skip(from: instant, to: (date.days + 1) * 86_400, local, zone)
                continue
            }
            let minutes = (local - date.days * 86_400) / 60
            if !hour.contains(minutes / 60) {
                instant = skip(from: instant, to: date.days * 86_400 + (minutes / 60 + 1) * 3600, local, zone)
                continue
            }
            if minute.contains(minutes % 60) { return instant }
            let ahead = minute.next(from: minutes % 60).map { $0 - minutes % 60 } ?? 60 - minutes % 60
            instant = skip(from: instant, to: local + ahead * 60, local, zone)
        }
        return nil
    }

    /// Goes on to a later wall clock time, minute by minute where the clocks change in between.
    private func skip(from instant: Int, to wanted: Int, _ local: Int, _ zone: ScheduleZone) -> Int {
        let target = instant + wanted - local
        return zone.offset(at: target) == zone.offset(at: instant) ? target : instant + 60
    }
}
