/// A job that is enqueued at set times.
public struct Schedule: Sendable, Equatable {
    public var name: String
    public var cron: Cron
    /// As it was written.
    public var expression: String
    public var zone: ScheduleZone
    public var kind: String
    public var args: [UInt8]
    /// `nil` is the kind's own.
    public var queue: String?
    /// A time missed while nobody ran fires once on return; else it is skipped. Default true.
    public var catchUp: Bool

    /// - Throws: ``CronError`` for an expression that is none.
    public init(
        name: String, cron expression: String, zone: ScheduleZone, kind: String, args: [UInt8] = Array("{}".utf8),
        queue: String? = nil, catchUp: Bool = true
    ) throws(CronError) {
        self.name = name
        self.cron = try Cron(expression)
        self.expression = expression
        self.zone = zone
        self.kind = kind
        self.args = args
        self.queue = queue
        self.catchUp = catchUp
    }
}

/// Where fires are remembered, so that each happens once however many processes run the schedules.
public protocol ScheduleLedger: Sendable {
    /// The last fire of each schedule, milliseconds since 1970.
    ///
    /// A schedule seen for the first time has missed nothing: `now` is remembered as its beginning and answered.
    func lastFires(of names: [String], now: Int) async throws -> [String: Int]

    /// Writes the fire and enqueues its job in one transaction.
    ///
    /// - Parameter enqueues: false for a missed time that is only ticked off.
    /// - Returns: false if another process has written this fire.
    func fire(_ schedule: Schedule, at instant: Int, enqueues: Bool) async throws -> Bool
}

/// What one look at the clock says about one schedule: a value, no I/O.
struct ScheduleTick: Equatable {
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
