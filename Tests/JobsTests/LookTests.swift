import Testing

@testable import Jobs

@Suite struct LookTests {
    /// Jobs that crashed twice lie beside the ready list, where the peek does not see them.
    @Test func anIdlePoolFindsSuspects() {
        let start = ContinuousClock.now
        var d = Dispatcher(concurrency: 4, weights: [1], now: start)
        _ = d.tick(now: start)
        _ = d.opened(session: 1, now: start)
        let nothing = ExchangeReply(claims: [], isPaused: false, waiting: 0, suspects: 0)
        #expect(d.replied(queue: 0, session: 1, lane: .ready, take: 1, nothing, now: start) == [.peek(queue: 0)])
        let later = start + .seconds(5)
        #expect(
            d.peeked(queue: 0, found: false, now: later) == [
                .exchange(queue: 0, session: 1, .ready, settlements: [], take: 1, firstSlot: 2)
            ])
        let suspect = ExchangeReply(claims: [], isPaused: false, waiting: 0, suspects: 1)
        let actions = d.replied(queue: 0, session: 1, lane: .ready, take: 1, suspect, now: later)
        #expect(actions == [.exchange(queue: 0, session: 1, .suspect, settlements: [], take: 1, firstSlot: 3)])
    }
}
