/// From just before the call of the enqueue function to the first line of the handler, in an idle worker.
struct LatencyWork {
    let stage: Stage
    let jobs: Int

    init(_ stage: Stage) {
        self.stage = stage
        jobs = stage.options.isShort ? 100 : 2_000
    }

    func run() throws -> [Figure] {
        var (reference, product): ([[String: Double]], [[String: Double]]) = ([], [])
        for round in 1...stage.options.rounds {
            reference.append(
                try measure { try stage.reference("latency-serve", ["--jobs", "\(jobs + Self.warmUp)"]) })
            product.append(try measure { try stage.serve("worker") })
            let (c, ours) = (reference[round - 1], product[round - 1])
            stage.say(
                "latency \(round): C p50 \(c["p50_ms"] ?? 0), p99 \(c["p99_ms"] ?? 0); "
                    + "paidan p50 \(ours["p50_ms"] ?? 0), p99 \(ours["p99_ms"] ?? 0) ms")
        }
        func figure(_ name: String, _ key: String, _ most: Double) -> Figure {
            Figure(
                "idle latency, \(name)", unit: "ms", paidan: product.map { $0[key] ?? 0 },
                other: reference.map { $0[key] ?? 0 }, target: .atMost(most))
        }
        return [figure("p50", "p50_ms", 2.5), figure("p99", "p99_ms", 5)]
    }

    /// Jobs that the sender does not count.
    private static let warmUp = 50

    private func measure(_ start: () throws -> Program) throws -> [String: Double] {
        try stage.servers.flushRedis()
        try stage.servers.compactRedis()
        let worker = try start()
        defer { worker.end() }
        try stage.waitForSession()
        return try stage.result(stage.reference("latency-send", ["--jobs", "\(jobs)"]))
    }
}
