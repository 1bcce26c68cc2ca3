import Foundation

/// Jobs over HTTP: single requests over 32 connections, and bulks of 10,000 lines over one.
struct EnqueueWork {
    let stage: Stage
    let singles: Int
    let bulks: Int

    init(_ stage: Stage) {
        self.stage = stage
        singles = stage.options.isShort ? 2_000 : 40_000
        bulks = stage.options.isShort ? 20_000 : 200_000
    }

    private struct Rates {
        var single: [Double] = []
        var bulk: [Double] = []
        var cpu: [Double] = []
    }

    func run() throws -> [Figure] {
        let token = try makeToken()
        var (reference, product) = (Rates(), Rates())
        for round in 1...stage.options.rounds {
            try measure(&reference, token, port: stage.referencePort) {
                try stage.reference("enqueue-serve", ["--port", "\(stage.referencePort)", "--token", token])
            }
            try measure(&product, token, port: stage.port) { try stage.serve("api") }
            stage.say(
                "enqueue \(round): single C \(Int(reference.single[round - 1])), paidan \(Int(product.single[round - 1])); "
                    + "bulk C \(Int(reference.bulk[round - 1])), paidan \(Int(product.bulk[round - 1])) jobs/s")
        }
        return [
            Figure(
                "enqueue, HTTP single, 32 connections", unit: "jobs/s", paidan: product.single,
                other: reference.single, target: .ratio(0.4),
                notes: "CPU time of the server for one request, median: paidan \(Int(Spread(product.cpu).median)) µs, "
                    + "C \(Int(Spread(reference.cpu).median)) µs"),
            Figure(
                "enqueue, bulk of 10,000 lines", unit: "jobs/s", paidan: product.bulk, other: reference.bulk,
                target: .ratio(0.4, floor: 80_000)),
        ]
    }

    private func makeToken() throws -> String {
        try stage.paidan("user", "create", "bench", "--role", "管理员")
        struct Answer: Decodable { let token: String }
        let text = try stage.paidan("token", "create", "--user", "bench", "--json")
        return try JSONDecoder().decode(Answer.self, from: Data(text.utf8)).token
    }

    private func measure(
        _ rates: inout Rates, _ token: String, port: Int, _ start: () throws -> Program
    ) throws {
        try stage.servers.flushRedis()
        try stage.servers.compactRedis()
        let server = try start()
        defer { server.end(SIGTERM) }
        try waitFor(port, server)
        let before = server.cpuSeconds
        rates.single.append(try load(["--jobs", "\(singles)", "--connections", "32"], token, port))
        rates.cpu.append((server.cpuSeconds - before) * 1e6 / Double(singles))
        rates.bulk.append(try load(["--jobs", "\(bulks)", "--connections", "1", "--bulk", "10000"], token, port))
    }

    private func load(_ words: [String], _ token: String, _ port: Int) throws -> Double {
        try stage.result(stage.reference("enqueue-load", ["--port", "\(port)", "--token", token] + words))[
            "per_second"] ?? 0
    }

    /// Until the server answers anything at all.
    private func waitFor(_ port: Int, _ server: Program) throws {
        for _ in 0..<400 where server.isRunning {
            let url = "http://127.0.0.1:\(port)/readyz"
            let words = ["--noproxy", "*", "-s", "-o", "/dev/null", "--max-time", "2", url]
            if (try? Program.run("curl", words, log: stage.servers.log)) != nil { return }
            Thread.sleep(forTimeInterval: 0.05)
        }
        throw BenchError("nobody listens on port \(port)")
    }
}
