/// What one look at the clock says about one schedule: a value, no I/O.
struct ScheduleTick: Sendable, Equatable {
    /// The fire to write: the latest one due.
    let fireAt: Int
    let enqueues: Bool

    /// How late a fire may be and still count as on time.
    static let tolerance = 30_000

    /// - Returns: `nil` if nothing is due. Of several missed times only the latest is fired.
    init?(_ schedule: Schedule, last: Int, now: Int) {
        guard let first = schedule.cron.next(after: last, in: schedule.zone), first <= now else { return nil }
        var latest = first
        // From wide to narrow: the widest window that holds a fire ends the search for where to count from.
        for window in [366, 32, 1].map({ $0 * 86_400_000 }) + [3_600_000] {
            let start = max(latest, now - window)
            if let later = schedule.cron.next(after: start - 1, in: schedule.zone), later <= now {
                latest = max(latest, later)
            }
        }
        while let later = schedule.cron.next(after: latest, in: schedule.zone), later <= now { latest = later }
        fireAt = latest
        enqueues = schedule.catchUp || now - latest <= Self.tolerance
    }
}
