import OwnerThread
import Testing

@Suite struct PendingOperationTests {
    private struct Stopped: Error, Equatable { var started: Bool }

    @Test func theFirstAnswerCounts() async throws {
        let operation = PendingOperation<Int, Stopped>()
        #expect(operation.start())
        #expect(operation.finish(.success(1)))
        #expect(!operation.finish(.success(2)))
        #expect(operation.isDone)
        #expect(try await operation.value { Stopped(started: $0) } == 1)
    }

    @Test func whatWasAnsweredWhileQueuedDoesNotStart() {
        let operation = PendingOperation<Int, Stopped>()
        operation.finish { .failure(Stopped(started: $0)) }
        #expect(!operation.start())
    }

    @Test(arguments: [false, true]) func cancellationKnowsWhetherItWasStarted(started: Bool) async throws {
        let operation = PendingOperation<Int, Stopped>()
        if started { #expect(operation.start()) }
        let task = Task { try await operation.value { Stopped(started: $0) } }
        task.cancel()
        await #expect(throws: Stopped(started: started)) { try await task.value }
        #expect(operation.start() == false)
        #expect(!operation.finish(.success(1)))
    }

    @Test func whatWasPutBackCountsAsNotStarted() async throws {
        let operation = PendingOperation<Int, Stopped>()
        #expect(operation.start())
        operation.putBack()
        operation.finish { .failure(Stopped(started: $0)) }
        await #expect(throws: Stopped(started: false)) { try await operation.value { Stopped(started: $0) } }
    }

    @Test func aWaiterIsResumedOnceByRacingAnswers() async throws {
        for _ in 0..<200 {
            let operation = PendingOperation<Int, Stopped>()
            async let value = operation.value { Stopped(started: $0) }
            let winners = await withTaskGroup(of: Bool.self) { group in
                for answer in 0..<4 { group.addTask { operation.finish(.success(answer)) } }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(winners == 1)
            _ = try await value
        }
    }
}
