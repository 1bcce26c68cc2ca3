import OwnerThread
import Testing

@Suite struct InboxTests {
    @Test func everyElementOfManyProducersArrivesOnceAndInItsProducersOrder() async {
        let inbox = Inbox<(producer: Int, number: Int)>(limit: 100_000)
        let taken = OneShot<[[Int]], Never>()
        startThread(named: "consumer") {
            var numbers = Array(repeating: [Int](), count: 8)
            while let items = inbox.takeAll() { for item in items { numbers[item.producer].append(item.number) } }
            taken.answer(.success(numbers))
        }
        await withTaskGroup(of: Void.self) { group in
            for producer in 0..<8 {
                group.addTask { for number in 0..<1000 { #expect(inbox.put((producer, number)) == .accepted) } }
            }
        }
        inbox.close()
        #expect(await taken.value() == Array(repeating: Array(0..<1000), count: 8))
        #expect(inbox.put((0, 0)) == .closed)
    }

    @Test func aFullInboxRefuses() {
        let inbox = Inbox<Int>(limit: 2)
        #expect(inbox.put(1) == .accepted)
        #expect(inbox.put(2) == .accepted)
        #expect(inbox.put(3) == .full)
        #expect(inbox.depth == 2)
        #expect(inbox.takeAll() == [1, 2])
        #expect(inbox.put(3) == .accepted)
    }

    @Test func heldElementsCountUntilTheyAreReleased() {
        let inbox = Inbox<Int>(limit: 2)
        _ = inbox.put(1)
        _ = inbox.put(2)
        #expect(inbox.takeHolding().items == [1, 2])
        #expect(inbox.depth == 2)
        #expect(inbox.put(3) == .full)
        inbox.release(1)
        #expect(inbox.put(3) == .accepted)
        #expect(inbox.put(4) == .full)
        inbox.release(1)
        inbox.holdAgain(1)
        #expect(inbox.put(4) == .full)
    }

    @Test func whatWasPutBeforeCloseIsStillTaken() {
        let inbox = Inbox<Int>(limit: 2)
        _ = inbox.put(1)
        inbox.close()
        let (items, closed) = inbox.takeHolding()
        #expect(items == [1])
        #expect(closed)
        #expect(inbox.takeAll() == nil)
    }

    @Test func theOwnerIsWokenWhenTheInboxFillsAndWhenItCloses() {
        let wakes = Lock(0)
        let inbox = Inbox<Int>(limit: 9) { wakes.withLock { $0 += 1 } }
        _ = inbox.put(1)
        _ = inbox.put(2)
        #expect(wakes.withLock { $0 } == 1)
        _ = inbox.takeNow()
        _ = inbox.put(3)
        #expect(wakes.withLock { $0 } == 2)
        inbox.close()
        #expect(wakes.withLock { $0 } == 3)
    }
}
