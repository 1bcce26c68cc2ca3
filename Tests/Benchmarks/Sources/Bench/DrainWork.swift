import Foundation

/// 100,000 no-op jobs, from the first that is taken to the last that is acknowledged.
struct DrainWork {
    /// CPU time of each run, µs a job.
    private struct Costs {
        var worker: [Double] = []
        var redis: [Double] = []
    }

    let stage: Stage
    let jobs: Int

    init(_ stage: Stage) {
        self.stage = stage
        jobs = stage.options.isShort ? 5_000 : 100_000
    }

    func run() throws -> [Figure] {
        var (single, pipelined, standard, wide): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
        var (reference, product) = (Costs(), Costs())
        for round in 1...stage.options.rounds {
            single.append(try referenceRate(depth: 1, &reference))
            standard.append(try productRate(concurrency: 64, &product))
            pipelined.append(try referenceRate(depth: 4, &reference))
            wide.append(try productRate(concurrency: 256, &product))
            stage.say(
                "drain \(round): C one call at a time \(Int(single[round - 1])), pipelined \(Int(pipelined[round - 1])); "
                    + "paidan 64 \(Int(standard[round - 1])), 256 \(Int(wide[round - 1])) jobs/s")
        }
        let notes = String(
            format:
                "CPU time a job, medians: paidan's worker %.1f µs and its Redis %.1f µs; C %.1f µs and its Redis %.1f µs",
            Spread(product.worker).median, Spread(product.redis).median, Spread(reference.worker).median,
            Spread(reference.redis).median)
        return [
            Figure(
                "drain, concurrency 64", unit: "jobs/s", paidan: standard, other: pipelined,
                target: .ratio(0.6, floor: 35_000), notes: notes),
            Figure(
                "drain, concurrency 64", unit: "jobs/s", paidan: standard, other: single,
                beside: "C, one call at a time"),
            Figure("drain, concurrency 256", unit: "jobs/s", paidan: wide, other: pipelined),
        ]
    }

    /// - Parameter depth: exchanges of 64 under way.
    private func referenceRate(depth: Int, _ costs: inout Costs) throws -> Double {
        try stage.fill(jobs)
        let watch = try stage.watch(jobs)
        let before = stage.servers.redis.cpuSeconds
        let words = ["--jobs", "\(jobs)", "--batch", "64", "--depth", "\(depth)"]
        let result = try stage.result(stage.reference("drain", words))
        costs.redis.append((stage.servers.redis.cpuSeconds - before) * 1e6 / Double(jobs))
        costs.worker.append((result["cpu_seconds"] ?? 0) * 1e6 / Double(jobs))
        return try stage.result(watch)["per_second"] ?? 0
    }

    private func productRate(concurrency: Int, _ costs: inout Costs) throws -> Double {
        try stage.fill(jobs)
        let configuration = try stage.writeConfiguration("drain.conf", "[worker]\nconcurrency = \(concurrency)")
        let watch = try stage.watch(jobs)
        let before = stage.servers.redis.cpuSeconds
        let service = try stage.serve("worker", configuration: configuration)
        defer { service.end() }
        let rate = try stage.result(watch)["per_second"] ?? 0
        costs.redis.append((stage.servers.redis.cpuSeconds - before) * 1e6 / Double(jobs))
        costs.worker.append(service.cpuSeconds * 1e6 / Double(jobs))
        return rate
    }
}
