import Testing

@testable import PaidanCommand

@Suite struct TroubleFilterTests {
    @Test("a trouble is named once in ten seconds, with the number of lines left out; another trouble at once")
    func onceInAWhile() {
        let filter = TroubleFilter()
        let start = ContinuousClock.now
        #expect(filter.judge("redis", now: start) == .pass(leftOut: 0))
        for second in 1...9 { #expect(filter.judge("redis", now: start + .seconds(second)) == .drop) }
        #expect(filter.judge("postgresql", now: start + .seconds(9)) == .pass(leftOut: 0))
        #expect(filter.judge("redis", now: start + .seconds(10)) == .pass(leftOut: 9))
        #expect(filter.judge("redis", now: start + .seconds(11)) == .drop)
        #expect(filter.judge("redis", now: start + .seconds(30)) == .pass(leftOut: 1))
    }
}
