/// Where fires are remembered, so that each happens once however many processes run the schedules.
public protocol ScheduleLedger: Sendable {
    /// The clock of all schedulers, milliseconds since 1970: the server's that keeps the fires, so that machines whose
    /// clocks differ fire at the same moment.
    func now() async throws -> Int

    /// From when on due times count, for each schedule: its newest fire up to `now`, or where it began.
    ///
    /// A schedule begins, and has missed nothing, when it is seen for the first time, when its expression or time zone is
    /// another one than before, and when it is there again after it had been removed. Fires after `now` are those of a
    /// clock that ran ahead and was set back.
    ///
    /// - Parameter schedules: all that there are; what is known of others is forgotten.
    /// - Returns: by name, milliseconds since 1970.
    func begin(_ schedules: [Schedule], now: Int) async throws -> [String: Int]

    /// Writes the fire and enqueues its job in one transaction.
    ///
    /// - Parameter enqueues: false for a missed time that is only ticked off.
    /// - Returns: false if this fire was written before.
    func fire(_ schedule: Schedule, at instant: Int, enqueues: Bool) async throws -> Bool

    /// The newest fire of each schedule that had one, by name, milliseconds since 1970.
    func lastFires(of names: [String]) async throws -> [String: Int]
}
