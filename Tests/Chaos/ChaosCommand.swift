import ArgumentParser
import Foundation

@main
struct ChaosCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deploy/chaos",
        abstract: "Kills, freezes, cuts off and flushes the built program while it works, then counts what it did.",
        discussion: """
            Every effect must be there once. The controls are the same program without one guarantee; each must be \
            found out, or the test proves nothing. Exit 0 only if both hold.

            Example: deploy/chaos --jobs 50000 --faults kill,redis --seed 7
            """)

    @Option(help: "Jobs of the product's runs, those that follow from others not counted.") var jobs: Int?
    @Option(help: "Decides which faults come when; printed at the end.") var seed: UInt64?
    @Option(help: "Which of kill, freeze, redis, postgres, flush, with commas between.")
    var faults = Fault.Family.allCases.map(\.rawValue).joined(separator: ",")
    @Option(help: "none: only the product; or one of no-receipt, receipt-apart, plain-pop alone.") var control: String?
    @Flag(help: "A few thousand jobs each, in at most 90 s.") var short = false
    @Option(help: "Where to write the result as JSON.") var json: String?

    private func families() throws -> Set<Fault.Family> {
        let names = faults.split(separator: ",").map(String.init)
        let families = names.compactMap { Fault.Family(rawValue: $0) }
        guard !names.isEmpty, families.count == names.count else {
            throw ValidationError("--faults takes some of kill, freeze, redis, postgres, flush, with commas between")
        }
        return Set(families)
    }

    private func controls() throws -> Set<Control> {
        guard let control else { return Set(Control.allCases) }
        guard let one = Control(rawValue: control) else {
            throw ValidationError("--control takes none, no-receipt, receipt-apart or plain-pop")
        }
        return [one]
    }

    func validate() throws {
        _ = try families()
        _ = try controls()
        if let jobs, jobs < 100 { throw ValidationError("--jobs takes at least 100") }
    }

    func run() async throws {
        let seed = seed ?? UInt64.random(in: 1...999_999)
        var random = SeededRandom(seed)
        let plans = RunPlan.all(
            jobs: jobs, short: short, families: try families(), controls: try controls(), random: &random)
        say("seed \(seed)")
        var tallies: [Tally] = []
        for plan in plans where plan.control == .none { tallies.append(try await Self.carryOut(plan, seed)) }
        tallies += try await Self.together(plans.filter { $0.control != .none }, seed)

        var failures = tallies.flatMap { tally in tally.verdict.map { "\(tally.run): \($0)" } }
        let hit = Set(tallies.filter { $0.control == Control.none.rawValue }.flatMap(\.lines))
        let missed = try await Self.linesOfProgram().filter { !hit.contains($0) }
        // Only the whole program comes to every line.
        if !short, jobs == nil, control == nil, try families().count == Fault.Family.allCases.count, !missed.isEmpty {
            failures.append("no process was ended at \(missed.joined(separator: ", "))")
        }
        let report = Report(
            seed: seed, runs: tallies, linesHit: hit.sorted(), linesMissed: missed, failures: failures)
        print(report.table)
        if let json { try report.json.write(toFile: json, atomically: true, encoding: .utf8) }
        if !failures.isEmpty { throw ExitCode(1) }
    }

    private static func carryOut(_ plan: RunPlan, _ seed: UInt64) async throws -> Tally {
        say("\(plan.name): begins")
        let tally = try await Run.carryOut(plan, seed: seed)
        say(
            "\(plan.name): \(tally.verdict.isEmpty ? "ok" : tally.verdict.joined(separator: "; ")), \(Int(tally.seconds)) s"
        )
        return tally
    }

    /// They mostly wait for leases.
    private static func together(_ plans: [RunPlan], _ seed: UInt64) async throws -> [Tally] {
        try await withThrowingTaskGroup(of: (Int, Tally).self) { group in
            for (place, plan) in plans.enumerated() { group.addTask { (place, try await carryOut(plan, seed)) } }
            var tallies: [(Int, Tally)] = []
            for try await tally in group { tallies.append(tally) }
            return tallies.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// As the program names them when it does not understand one.
    private static func linesOfProgram() async throws -> [String] {
        try await Site.with(RunPlan(name: "lines", jobs: 0)) { site in try await site.linesOfProgram() }
    }
}
