import OwnerThread
import Testing

@Suite struct OneShotTests {
    private struct Failed: Error, Equatable {}

    @Test func theFirstAnswerCountsWhetherItComesEarlyOrLate() async throws {
        let early = OneShot<Int, Failed>()
        #expect(!early.isAnswered)
        #expect(early.answer(.success(1)))
        #expect(!early.answer(.failure(Failed())))
        #expect(early.isAnswered)
        #expect(try await early.value() == 1)

        let late = OneShot<Int, Failed>()
        let task = Task { try await late.value() }
        #expect(late.answer(.failure(Failed())))
        await #expect(throws: Failed()) { try await task.value }
        #expect(!late.answer(.success(2)))
    }

    @Test func aLockIsHeldByOneThreadAtATime() async {
        let counter = Lock(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { for _ in 0..<5000 { counter.withLock { $0 += 1 } } } }
        }
        #expect(counter.withLock { $0 } == 40_000)
    }
}
