import Testing

@testable import Redis

@Suite struct BackoffPropertyTests {
    @Test func waitsDoubleUpToTheCapAndStartAgainAfterASuccess() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var backoff = Backoff()
            var ceiling = Backoff.first
            for _ in 0..<Int.random(in: 1...40) {
                if Int.random(in: 0..<10) == 0 {
                    backoff.reset()
                    ceiling = Backoff.first
                }
                let wait = backoff.next(using: &random)
                #expect(wait >= ceiling * 0.499999 && wait <= ceiling)
                ceiling = min(Backoff.cap, ceiling * 2)
            }
        }
    }
}
