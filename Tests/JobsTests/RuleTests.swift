import Logging
import Testing

@testable import Jobs

@Suite struct RuleTests {
    struct Arguments: Decodable, Sendable {
        let n: Int
        let list: [String]?
    }

    @Test func retryDelays() {
        var random = Generator(seed: 1)
        let policy = RetryPolicy()
        for (attempt, seconds) in [(1, 15), (2, 30), (5, 240), (9, 3600), (500, 3600)] {
            var lowest = Duration.seconds(100_000)
            var highest = Duration.zero
            for _ in 0..<500 {
                let delay = policy.delay(attempt: attempt, using: &random)
                lowest = min(lowest, delay)
                highest = max(highest, delay)
            }
            #expect(lowest >= .seconds(seconds) / 2 && highest <= .seconds(seconds), "attempt \(attempt)")
            #expect(highest - lowest > .seconds(seconds) * 0.4)
        }
    }

    @Test func idsAreInTheOrderOfTime() {
        var random = Generator(seed: 2)
        let ids = (0..<200).map { JobID.make(at: 1_700_000_000_000 + $0 * 3, using: &random) }
        #expect(ids == ids.sorted() && Set(ids).count == 200)
        #expect(ids.allSatisfy { $0.utf8.count == 26 && JobID.isValid($0) && $0 == $0.lowercased() })
        #expect(!JobID.isValid("") && !JobID.isValid("a b") && !JobID.isValid("ä"))
        #expect(QueueName.isValid("bulk_2") && !QueueName.isValid("assign") && !QueueName.isValid("A"))
    }

    @Test(
        arguments: [
            (#"{"n":1}"#, nil, ""), (#"{"n":"x"}"#, "/n", "must be a whole number"), ("{}", "/n", "is missing"),
            ("[", "", "is not JSON"), (#"{"n":1,"list":["a",2]}"#, "/list/1", "must be a string"),
        ] as [(String, String?, String)])
    func argumentsAreCheckedAtTheDoor(_ json: String, _ pointer: String?, _ message: String) throws {
        let kind = Kind.single("k", arguments: Arguments.self) { _, _, _ in .done() }
        do throws(ArgumentError) {
            try kind.check(arguments: Array(json.utf8))
            #expect(pointer == nil)
        } catch {
            #expect(error.pointer == pointer && error.message == message)
        }
    }

    @Test func verdicts() {
        var random = Generator(seed: 3)
        let kind = Kind.single("k", maxAttempts: 2, arguments: Arguments.self) { _, _, _ in .done() }
        func change(_ outcome: Outcome, attempt: Int = 1, most: Int? = nil) -> Settlement.Change {
            let claim = Claim(id: "a", kind: "k", queue: "q", args: [], attempt: attempt, maxAttempts: most)
            return Verdict.change(for: outcome, of: claim, kind: kind, using: &random)
        }
        #expect(
            change(.retry(after: .seconds(1), code: "c", message: "m"))
                == .retry(after: .seconds(1), code: "c", message: "m"))
        #expect(change(.retry(code: "c", message: "m"), attempt: 2) == .dead(code: "c", message: "m"))
        #expect(change(.retry(code: "c", message: "m"), attempt: 1, most: 1) == .dead(code: "c", message: "m"))
        #expect(change(.snooze(for: .seconds(2)), attempt: 9) == .snooze(for: .seconds(2)))
        guard case .done(nil, "result_too_large", _) = change(.done(result: Array(repeating: 0, count: 65_537))) else {
            Issue.record("a large result is not kept")
            return
        }
        struct Silent: Error { let secret = "s3cret" }
        #expect(Verdict.outcome(for: Silent()) == .retry(code: "failed", message: "Silent"))
    }

    @Test func batchesKeepTheirOrderAndSize() {
        let claims = (0..<7).map { Claim(id: "\($0)", kind: "k", queue: "q", args: []) }
        let batches = Batches.split(claims, size: 3) { $0.id == "2" }
        #expect(batches.map { $0.map(\.id) } == [["2"], ["0", "1", "3"], ["4", "5", "6"]])
    }

    @Test func settingsAreChecked() {
        var settings = WorkerConfiguration(
            worker: WorkerInfo(process: "p", host: "h", pid: 1, version: "1", startedAt: 0))
        settings.lease = .seconds(1)
        #expect(throws: ConfigurationError(field: "worker.lease", problem: "must be 3s to 5m")) {
            try settings.validate()
        }
    }
}
