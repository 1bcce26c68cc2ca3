/// Time between two attempts to connect: doubles from 50 ms to 1 s, each shortened at random by up to a half.
struct Backoff {
    static let first: Duration = .milliseconds(50)
    static let cap: Duration = .seconds(1)

    private var step = Self.first

    mutating func reset() { step = Self.first }

    mutating func next(using random: inout some RandomNumberGenerator) -> Duration {
        defer { step = min(Self.cap, step * 2) }
        return step * Double.random(in: 0.5...1, using: &random)
    }
}
