import Testing

@testable import OwnerThread

@Suite struct DeadlinesTests {
    @Test("calls come in the order of their times, whatever the order in which they were asked for")
    func order() async throws {
        let start = ContinuousClock.now
        let called = Lock<[Int]>([])
        let last = OneShot<ContinuousClock.Instant, Never>()
        for number in [5, 1, 4, 2, 3] {
            _ = Deadlines.shared.call(at: start + .milliseconds(20 * number)) {
                called.withLock { $0.append(number) }
                if number == 5 { last.answer(.success(.now)) }
            }
        }
        #expect(await last.value() - start >= .milliseconds(100))
        #expect(called.withLock { $0 } == [1, 2, 3, 4, 5])
    }

    @Test("what was withdrawn is not called, and lets go of what it holds")
    func withdraw() async {
        final class Held: Sendable {}
        weak var held: Held?
        let called = Lock(false)
        let start = ContinuousClock.now
        do {
            let object = Held()
            held = object
            let token = Deadlines.shared.call(at: start + .milliseconds(20)) { [object] in
                called.withLock { $0 = true }
                _ = object
            }
            Deadlines.shared.withdraw(token)
        }
        #expect(held == nil)
        let later = OneShot<Void, Never>()
        _ = Deadlines.shared.call(at: start + .milliseconds(40)) { later.answer(.success(())) }
        await later.value()
        #expect(called.withLock { !$0 })
    }

    @Test func heap() {
        var heap = TimeHeap()
        let start = ContinuousClock.now
        for number in 0..<500 { heap.insert(.init(time: start + .seconds(number * 7919 % 500), id: UInt64(number))) }
        heap.keep { $0.id % 2 == 0 }
        #expect(heap.count == 250)
        var last = start - .seconds(1)
        while let first = heap.first {
            #expect(first.time >= last)
            last = first.time
            heap.removeFirst()
        }
        #expect(heap.count == 0)
    }
}
