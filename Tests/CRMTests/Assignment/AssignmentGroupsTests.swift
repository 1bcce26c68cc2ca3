import Foundation
import Jobs
import OwnerThread
import Testing

@testable import CRM

/// Runs that overlap share a transaction.
@Suite struct AssignmentGroupsTests {
    private struct Broken: Error {}

    private func tasks(_ jobs: [String]) throws -> [AssignmentTask] {
        try jobs.map { AssignmentTask(job: $0, arguments: try arguments()) }
    }

    private func arguments() throws -> AssignmentArguments {
        try JSONDecoder().decode(AssignmentArguments.self, from: Data(#"{"customer_ids":[1]}"#.utf8))
    }

    /// Transactions in their order; the first is held until `release` is called.
    private final class Desk: Sendable {
        let transactions = Lock<[[String]]>([])
        private let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        func release() { opener.finish() }

        @Sendable func work(_ tasks: [AssignmentTask], _ isDecided: @Sendable () -> Void) async -> [Outcome] {
            let isFirst = transactions.withLock { transactions in
                transactions.append(tasks.map(\.job))
                return transactions.count == 1
            }
            if isFirst { for await _ in gate {} }
            return tasks.map { .done(result: Array($0.job.utf8)) }
        }
    }

    private func until(_ what: String, _ condition: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(10)
        while !condition() {
            guard ContinuousClock.now < end else { throw Broken() }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    @Test func thoseWhoComeMeanwhileShareTheNextTransactionAndEachGetsItsOwn() async throws {
        let (groups, desk) = (AssignmentGroups(), Desk())
        let all = try [["a", "b"], ["c"], ["d", "e", "f"]].map(tasks)
        let first = Task { try await groups.run(all[0], desk.work) }
        try await until("the first began") { desk.transactions.withLock { $0.count == 1 } }
        let others = all.dropFirst().map { tasks in Task { try await groups.run(tasks, desk.work) } }
        try await until("both wait") { groups.waiting == 4 }
        // One that is cancelled leads all the same, and its company loses nothing.
        for other in others { other.cancel() }
        desk.release()
        let outcomes = try await [first.value, others[0].value, others[1].value]
        let names = outcomes.map { $0.map { if case .done(let result?) = $0 { result } else { [UInt8]() } } }
        #expect(names == all.map { $0.map { Array($0.job.utf8) } })
        #expect(desk.transactions.withLock { $0.map { $0.sorted() } } == [["a", "b"], ["c", "d", "e", "f"]])
    }

    @Test func aFailureIsEverybodysAndTheNextGoesOn() async throws {
        let groups = AssignmentGroups()
        let one = try tasks(["a"])
        await #expect(throws: Broken.self) { try await groups.run(one) { _, _ in throw Broken() } }
        #expect(try await groups.run(one) { tasks, _ in tasks.map { _ in .done() } }.count == 1)
    }

    @Test func theNextBeginsOnceNothingThatIsStillToComeBearsOnIt() async throws {
        let groups = AssignmentGroups()
        let begun = Lock<[String]>([])
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let (decision, decide) = AsyncStream.makeStream(of: Void.self)
        let (first, second, third) = (try tasks(["a"]), try tasks(["b"]), try tasks(["c"]))
        let slow = Task {
            try await groups.run(first) { tasks, isDecided in
                begun.withLock { $0.append("a") }
                for await _ in decision {}
                // Twice, as a transaction that is run again does.
                isDecided()
                isDecided()
                for await _ in gate {}
                return tasks.map { _ in .done() }
            }
        }
        try await until("the first began") { begun.withLock { $0.count == 1 } }
        let next = Task {
            try await groups.run(second) { tasks, _ in
                begun.withLock { $0.append("b") }
                for await _ in gate {}
                return tasks.map { _ in .done() }
            }
        }
        try await until("the second waits") { groups.waiting == 1 }
        decide.finish()
        try await until("the second began beside it") { begun.withLock { $0 == ["a", "b"] } }
        // The first must not pass on again when it ends: the third is the second's company.
        let last = Task { try await groups.run(third) { _, _ in throw Broken() } }
        try await until("the third waits") { groups.waiting == 1 }
        opener.finish()
        #expect(try await slow.value.count == 1)
        #expect(try await next.value.count == 1)
        await #expect(throws: Broken.self) { try await last.value }
    }

    @Test func aSmallRunTakesALargeOneAlong() async throws {
        let (groups, desk) = (AssignmentGroups(), Desk())
        let runs = try [1, 1, 64].enumerated().map { run, size in try tasks((0..<size).map { "\(run)-\($0)" }) }
        let first = Task { try await groups.run(runs[0], desk.work) }
        try await until("the first began") { desk.transactions.withLock { $0.count == 1 } }
        let second = Task { try await groups.run(runs[1], desk.work) }
        try await until("the second waits") { groups.waiting == 1 }
        let third = Task { try await groups.run(runs[2], desk.work) }
        try await until("the third waits") { groups.waiting == 65 }
        desk.release()
        for task in [first, second, third] { _ = try await task.value }
        #expect(desk.transactions.withLock { $0.map(\.count) } == [1, 65])
    }

    @Test(arguments: [(64, [64, 64, 64]), (32, [32, 96, 64]), (16, [16, 96, 80])])
    func ofManyInHandHalfAreTaken(_ size: Int, _ expected: [Int]) async throws {
        let (groups, desk) = (AssignmentGroups(), Desk())
        let runs = try (0..<(192 / size)).map { run in try tasks((0..<size).map { "\(run)-\($0)" }) }
        let first = Task { try await groups.run(runs[0], desk.work) }
        try await until("the first began") { desk.transactions.withLock { $0.count == 1 } }
        let others = runs.dropFirst().map { tasks in Task { try await groups.run(tasks, desk.work) } }
        try await until("all wait") { groups.waiting == 192 - size }
        desk.release()
        for task in [first] + others { #expect(try await task.value.count == size) }
        #expect(desk.transactions.withLock { $0.map(\.count) } == expected)
    }
}
