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

    /// The first 50,000 of 1,000,000, beside 50,000 alone.
    private func length() throws -> Figure {
        var (long, short): ([Double], [Double]) = ([], [])
        for round in 1...stage.options.rounds {
            short.append(try drain(of: jobs, workers: 1))
            long.append(try drain(of: waiting, workers: 1))
            stage.say(
                "growth \(round): \(Int(short[round - 1])) jobs/s, with \(waiting) waiting \(Int(long[round - 1]))")
        }
        return Figure(
            "drain with \(waiting) waiting", unit: "jobs/s", paidan: long, other: short, beside: "\(jobs) waiting",
            target: .ratio(0.9))
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
