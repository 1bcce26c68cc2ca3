import Foundation
import Jobs
import JobsRedis
import Postgres

/// What a run came to.
struct Tally: Sendable, Encodable {
    var run = ""
    var control = ""
    var seconds = 0.0
    /// Effects that there must be, those that follow from others included.
    var jobs = 0
    /// Effects that there are not.
    var lost = 0
    /// Effects that there are more than once.
    var doubled = 0
    /// Runs of handlers beyond one a job.
    var redelivered = 0
    /// Jobs that a receipt kept from happening again.
    var refused = 0
    /// Jobs that were given up.
    var dead = 0
    /// Of each queue: jobs that the queue cannot account for.
    var census: [String: Int] = [:]
    /// How often each fault was thrown.
    var faults: [String: Int] = [:]
    var recoveries: [Double] = []
    var returns: [Double] = []
    /// Lines of the program at which a process was ended or stopped.
    var lines: [String] = []
    /// What `paidan doctor` does not call ok.
    var doctor: [String] = []
    /// Why the run proves nothing, or that it has shown a fault of the product; empty if all is well.
    var verdict: [String] = []

    /// Most seconds until what was in flight in a killed process goes on, at any lease up to the default.
    private static let recoveryLimit = 20.0
    /// Most seconds until what a flushed Redis lost is done.
    private static let returnLimit = 60.0

    mutating func judge(_ control: Control) {
        switch control {
        case .none:
            if lost > 0 { verdict.append("\(lost) effects are lost") }
            if doubled > 0 { verdict.append("\(doubled) effects happened twice") }
            if dead > 0 { verdict.append("\(dead) jobs were given up") }
            if census.values.contains(where: { $0 != 0 }) { verdict.append("the census does not come out even") }
            if let worst = recoveries.max(), worst > Self.recoveryLimit {
                verdict.append("a killed worker's jobs went on after \(worst) s")
            }
            if let worst = returns.max(), worst > Self.returnLimit {
                verdict.append("what a flush took was done after \(worst) s")
            }
            verdict += doctor.filter { $0.hasPrefix("fail") }
        case .noReceipt:
            if doubled == 0 { verdict.append("no effect is doubled: this test cannot fail, so it proves nothing") }
        case .receiptApart, .plainPop:
            if lost == 0 { verdict.append("no effect is lost: this test cannot fail, so it proves nothing") }
        }
    }
}

extension Site {
    /// Waits until nothing is left to do.
    ///
    /// For the product every effect must come, for as long as something happens and a while longer; for a control
    /// all queues must be empty.
    func rest(_ jobs: Int) async throws {
        var idleSince: ContinuousClock.Instant?
        let patience: Duration = plan.control == .none ? .seconds(75) : .seconds(3)
        let deadline = ContinuousClock.now + .seconds(900)
        while ContinuousClock.now < deadline {
            if try await isIdle() {
                if plan.control == .none, try await isComplete(jobs) { return }
                let since = idleSince ?? .now
                idleSince = since
                if ContinuousClock.now - since > patience { return }
            } else {
                idleSince = nil
            }
            try await Task.sleep(for: .milliseconds(250))
        }
        throw ChaosError("\(plan.name): the queues are not empty after 15 minutes")
    }

    private func isIdle() async throws -> Bool {
        let queues = try await persistently { try await store.queues() }
        guard queues.allSatisfy({ $0.depth == 0 && $0.running == 0 && $0.delayed == 0 }) else { return false }
        return try await count("SELECT count(*) FROM paidan.outbox WHERE sent_at IS NULL") == 0
    }

    private func isComplete(_ jobs: Int) async throws -> Bool {
        try await count("SELECT count(*) FROM chaos.effect") >= jobs + (jobs + 2) / 3
    }

    func tally(_ jobs: Int) async throws -> Tally {
        var tally = Tally()
        tally.run = plan.name
        tally.control = plan.control.rawValue
        tally.jobs = jobs + (jobs + 2) / 3
        let lost: SQL = "SELECT FROM chaos.effect e WHERE e.n = wanted.n AND e.mark = wanted.mark"
        tally.lost = try await count(
            """
            SELECT count(*) FROM (
                SELECT 'mark' AS mark, n FROM generate_series(0, \(jobs)::bigint - 1) n
                UNION ALL SELECT 'follow', n FROM generate_series(0, \(jobs)::bigint - 1, 3) n
            ) wanted WHERE NOT EXISTS (\(lost))
            """)
        tally.doubled = try await count(
            "SELECT count(*) FROM (SELECT FROM chaos.effect GROUP BY mark, n HAVING count(*) > 1) d")
        tally.refused = try await count("SELECT coalesce(sum(jobs), 0) FROM chaos.refused")
        let claims = try String(contentsOfFile: journal, encoding: .utf8).split(separator: "\n").compactMap { Int($0) }
        tally.redelivered = max(0, claims.reduce(0, +) - tally.jobs)
        for queue in Self.queues {
            let census = try await store.census(queue)
            tally.census[queue] = census.difference
            tally.dead += census.dead
        }
        tally.doctor = try await run("doctor", mayFail: true).split(separator: "\n").map(String.init)
            .filter { !$0.hasPrefix("ok") }
        return tally
    }
}
