import Jobs
import JobsRedis

/// Carries out one run.
enum Run {
    static func carryOut(_ plan: RunPlan, seed: UInt64) async throws -> Tally {
        try await Site.with(plan) { site in
            let start = ContinuousClock.now
            let before = try await site.store.queues()
            guard before.allSatisfy({ $0.depth == 0 && $0.dead == 0 }) else { throw ChaosError("a queue is not empty") }
            let fleet = Fleet(site)
            var tally =
                try await plan.importLines.isEmpty
                ? jobs(site, fleet, seed) : Imports(site: site, fleet: fleet).run()
            tally.seconds = (ContinuousClock.now - start) / .seconds(1)
            tally.judge(plan.control)
            return tally
        }
    }

    private static func jobs(_ site: Site, _ fleet: Fleet, _ seed: UInt64) async throws -> Tally {
        let plan = site.plan
        let feeder = Feeder(site)
        for _ in 0..<3 { try await fleet.start() }
        let thrower = Thrower(
            site: site, fleet: fleet, feeder: feeder, share: plan.jobs / (plan.faults.count + 1),
            random: SeededRandom(seed))
        let thrown = try await withThrowingTaskGroup(of: Thrower?.self) { group in
            group.addTask {
                try await feeder.run()
                return nil
            }
            group.addTask {
                var thrower = thrower
                do { try await thrower.throwAll() } catch {
                    say("\(plan.name): \(error)\n\(await site.state())\n\(fleet.logs)")
                    throw error
                }
                feeder.grant(max(0, plan.jobs - feeder.granted))
                feeder.close()
                return thrower
            }
            var result = thrower
            for try await end in group { result = end ?? result }
            return result
        }
        try await site.rest(feeder.fed)
        try fleet.check()
        try await fleet.stop()
        var tally = try await site.tally(feeder.fed)
        for fault in thrown.thrown { tally.faults[fault.name, default: 0] += 1 }
        tally.recoveries = thrown.recoveries
        tally.returns = thrown.returns
        tally.lines = thrown.lines.sorted()
        return tally
    }
}
