/// How late the timer of a loop fires: a value, no clock of its own.
public struct Lateness: Sendable {
    public typealias Instant = ContinuousClock.Instant

    /// Time between two looks.
    public let interval: Duration
    /// The last ones, a quarter of a minute at four looks a second.
    private var samples: [Duration] = []
    private var oldest = 0
    private var nextDue: Instant?
    private static let mostSamples = 60

    public init(interval: Duration) { self.interval = interval }

    /// The timer that was due has fired.
    public mutating func note(due: Instant, now: Instant) {
        let late = max(.zero, now - due)
        if samples.count < Self.mostSamples {
            samples.append(late)
        } else {
            samples[oldest] = late
            oldest = (oldest + 1) % Self.mostSamples
        }
        nextDue = now + interval
    }

    /// The loop has ended: it is late no more.
    public mutating func end() {
        samples = []
        oldest = 0
        nextDue = nil
    }

    /// How long the next look is overdue; zero before the first and after the end.
    public func overdue(_ now: Instant) -> Duration { nextDue.map { max(.zero, now - $0) } ?? .zero }

    /// The worst of the last looks and of the one that is overdue.
    public func worst(_ now: Instant) -> Duration { max(samples.max() ?? .zero, overdue(now)) }
}
