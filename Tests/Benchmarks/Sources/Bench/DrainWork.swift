/// 100,000 no-op jobs, from the first that is taken to the last that is acknowledged.
struct DrainWork {
    let stage: Stage
    let jobs: Int

    init(_ stage: Stage) {
        self.stage = stage
        jobs = stage.options.isShort ? 5_000 : 100_000
    }

    func run() throws -> [Figure] {
        var (single, pipelined, standard, wide): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
        var costs: [Double] = []
        for round in 1...stage.options.rounds {
            single.append(try reference(depth: 1))
            standard.append(try product(concurrency: 64, costs: &costs))
            pipelined.append(try reference(depth: 4))
            wide.append(try product(concurrency: 256, costs: &costs))
            stage.say(
                "drain \(round): C one call at a time \(Int(single[round - 1])), pipelined \(Int(pipelined[round - 1])); "
                    + "paidan 64 \(Int(standard[round - 1])), 256 \(Int(wide[round - 1])) jobs/s")
        }
        let cpu = Spread(costs).median
        return [
            Figure(
                "drain, concurrency 64", unit: "jobs/s", paidan: standard, other: pipelined,
                target: .ratio(0.6, floor: 35_000)),
            Figure(
                "drain, concurrency 64", unit: "jobs/s", paidan: standard, other: single,
                beside: "C, one call at a time"),
            Figure(
                "drain, concurrency 256", unit: "jobs/s", paidan: wide, other: pipelined,
                notes: "CPU time of the worker, median of all runs: \(Int(cpu)) µs a job"),
        ]
    }

    /// - Parameter depth: exchanges of 64 under way.
    func reference(depth: Int) throws -> Double {
        try stage.fill(jobs)
        let watch = try stage.watch(jobs)
        try stage.result(stage.reference("drain", ["--jobs", "\(jobs)", "--batch", "64", "--depth", "\(depth)"]))
        return try stage.result(watch)["per_second"] ?? 0
    }

    /// - Parameter costs: takes the worker's CPU time, µs a job.
    func product(concurrency: Int, costs: inout [Double]) throws -> Double {
        try stage.fill(jobs)
        let configuration = try stage.writeConfiguration("drain.conf", "[worker]\nconcurrency = \(concurrency)")
        let watch = try stage.watch(jobs)
        let service = try stage.serve("worker", configuration: configuration)
        defer { service.end() }
        let rate = try stage.result(watch)["per_second"] ?? 0
        costs.append(service.cpuSeconds * 1e6 / Double(jobs))
        return rate
    }
}
