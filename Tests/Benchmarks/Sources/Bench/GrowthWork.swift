import Foundation

/// What more waiting jobs and more worker processes cost.
struct GrowthWork {
    let stage: Stage
    /// Drained in each run.
    let jobs: Int
    let waiting: Int

    init(_ stage: Stage) {
        self.stage = stage
        jobs = stage.options.isShort ? 5_000 : 50_000
        waiting = stage.options.isShort ? 20_000 : 1_000_000
    }

    func run() throws -> [Figure] { [try length()] + (try processes()) }

    /// The first 50,000 of 1,000,000, beside 50,000 alone; and what the same costs C, which is what it costs in Redis.
    private func length() throws -> Figure {
        var (long, short, longReference, shortReference): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
        for round in 1...stage.options.rounds {
            short.append(try drain(of: jobs, workers: 1))
            long.append(try drain(of: waiting, workers: 1))
            shortReference.append(try drainByReference(of: jobs))
            longReference.append(try drainByReference(of: waiting))
            stage.say(
                "growth \(round): paidan \(Int(short[round - 1])), with \(waiting) waiting \(Int(long[round - 1])); "
                    + "C \(Int(shortReference[round - 1])), \(Int(longReference[round - 1])) jobs/s")
        }
        let ratio = Spread(zip(longReference, shortReference).map { $0 / $1 }).median
        return Figure(
            "drain with \(waiting) waiting", unit: "jobs/s", paidan: long, other: short, beside: "\(jobs) waiting",
            target: .ratio(0.9), notes: "the ratio of C's own runs is \(String(format: "%.2f", ratio))")
    }

    private func drainByReference(of waiting: Int) throws -> Double {
        try stage.fill(waiting)
        let words = ["--jobs", "\(jobs)", "--batch", "64", "--depth", "4"]
        return try stage.result(stage.reference("drain", words))["per_second"] ?? 0
    }

    private func processes() throws -> [Figure] {
        var rates: [Int: [Double]] = [:]
        for round in 1...stage.options.rounds {
            for count in [1, 2, 4] { rates[count, default: []].append(try drain(of: jobs, workers: count)) }
            let texts = [1, 2, 4].map { "\($0): \(Int(rates[$0]?[round - 1] ?? 0))" }
            stage.say("workers \(round): \(texts.joined(separator: ", ")) jobs/s")
        }
        return [2, 4].map { count in
            Figure(
                "drain by \(count) workers", unit: "jobs/s", paidan: rates[count] ?? [], other: rates[1] ?? [],
                beside: "1 worker", target: .ratio(0.9))
        }
    }

    private func drain(of waiting: Int, workers: Int) throws -> Double {
        try stage.fill(waiting)
        let watch = try stage.watch(jobs)
        let services = try (0..<workers).map { _ in try stage.serve("worker") }
        defer { for service in services { service.end() } }
        return try stage.result(watch)["per_second"] ?? 0
    }
}
