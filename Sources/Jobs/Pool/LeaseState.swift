/// When the session is beaten, and when it must be given up because no beat was answered for a whole lease.
struct LeaseState {
    typealias Instant = ContinuousClock.Instant
    enum Action { case nothing, beat, lost }

    /// When the last beat that was answered had been sent.
    private var held: Instant?
    private var lastTry: Instant?
    private var isBeating = false

    mutating func opened(at now: Instant) {
        held = now
        lastTry = now
        isBeating = false
    }

    mutating func beating() { isBeating = true }

    /// - Parameter sent: when the beat left; the lease may end a lease after that.
    mutating func beaten(at sent: Instant) {
        held = sent
        lastTry = sent
        isBeating = false
    }

    mutating func failed() { isBeating = false }

    /// A beat every third of the lease, also after one that failed.
    mutating func look(_ now: Instant, _ lease: Duration) -> Action {
        guard let held, let lastTry else { return .nothing }
        if now - held >= lease {
            self.held = nil
            return .lost
        }
        if isBeating || now - lastTry < lease / 3 { return .nothing }
        self.lastTry = now
        return .beat
    }
}
