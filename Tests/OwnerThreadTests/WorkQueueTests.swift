import OwnerThread
import Testing

@Suite struct WorkQueueTests {
    @Test("elements come out in their order; one given back comes next")
    func order() {
        let queue = WorkQueue<Int>(limit: 5000)
        for number in 0..<3000 { #expect(queue.put(number) == .accepted) }
        for number in 0..<2000 { #expect(queue.takeOne() == number) }
        #expect(queue.putBack(1999))
        #expect(queue.putBack(1998))
        queue.removeAll { $0 == 2000 }
        #expect(queue.putBack(7))
        #expect([queue.takeOne(), queue.takeOne(), queue.takeOne(), queue.takeOne()] == [7, 1998, 1999, 2001])
        #expect(queue.depth == 998)
    }

    @Test("no more than the limit waits, except what was given back")
    func limit() {
        let queue = WorkQueue<Int>(limit: 2)
        #expect(queue.put(1) == .accepted)
        #expect(queue.put(2) == .accepted)
        #expect(queue.put(3) == .full)
        #expect(queue.putBack(0))
        #expect(queue.depth == 3)
        #expect(queue.close() == [0, 1, 2])
        #expect(queue.put(4) == .closed)
        #expect(!queue.putBack(4))
        #expect(queue.takeOne() == nil)
    }

    @Test("several producers and takers: each element is taken once, and closing frees all takers")
    func many() async {
        let queue = WorkQueue<Int>(limit: 100_000)
        let taken = await withTaskGroup(of: [Int].self) { group in
            for number in 0..<4 {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        startThread(named: "taker-\(number)") {
                            var mine: [Int] = []
                            while let element = queue.takeOne(), element >= 0 { mine.append(element) }
                            continuation.resume(returning: mine)
                        }
                    }
                }
            }
            await withTaskGroup(of: Void.self) { producers in
                for producer in 0..<4 {
                    producers.addTask { for number in 0..<5000 { _ = queue.put(producer * 5000 + number) } }
                }
            }
            // One for each taker: it ends on it.
            for _ in 0..<3 { _ = queue.put(-1) }
            var all: [Int] = []
            for _ in 0..<3 { all += await group.next() ?? [] }
            queue.close()
            all += await group.next() ?? []
            return all
        }
        #expect(taken.sorted() == Array(0..<20_000))
    }
}
