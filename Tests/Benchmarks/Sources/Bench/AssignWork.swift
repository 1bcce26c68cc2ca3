import Foundation

/// Pending customers, one a job, to 50 sellers with 5 slots each in a cycle.
struct AssignWork {
    let stage: Stage
    let jobs: Int
    private static let fresh = "fresh"
    /// A channel that is never reached: its queue is paused. The event, the delivery and the outbox row are written.
    private static let channel = "mail"

    init(_ stage: Stage) {
        self.stage = stage
        jobs = stage.options.isShort ? 1_000 : 20_000
    }

    func run() throws -> [Figure] {
        try prepare()
        var (reference, product): ([Double], [Double]) = ([], [])
        var (plainReference, plainProduct): ([Double], [Double]) = ([], [])
        var wide: [Double] = []
        var (batches, wideBatches): ([Double], [Double]) = ([], [])
        for round in 1...stage.options.rounds {
            reference.append(try referenceRate(tells: true))
            product.append(try productRate(tells: true, batches: &batches))
            plainReference.append(try referenceRate(tells: false))
            plainProduct.append(try productRate(tells: false, batches: &batches))
            wide.append(try productRate(tells: false, concurrency: 128, batches: &wideBatches))
            stage.say(
                "assign \(round): C \(Int(reference[round - 1])), paidan \(Int(product[round - 1])); without notices "
                    + "C \(Int(plainReference[round - 1])), paidan \(Int(plainProduct[round - 1])), with concurrency 128 "
                    + "\(Int(wide[round - 1])) customers/s")
        }
        return [
            Figure(
                "assign a customer", unit: "customers/s", paidan: product, other: reference, target: .ratio(0.8),
                notes:
                    "with a notice each (event, delivery, outbox); paidan also relays the outbox, C does not. Jobs in one "
                    + "transaction of paidan, mean: \(String(format: "%.0f", Spread(batches).median)); of C: 64"),
            Figure(
                "assign a customer, no notices", unit: "customers/s", paidan: plainProduct, other: plainReference,
                target: .ratio(0.8)),
            Figure(
                "assign a customer, no notices, concurrency 128", unit: "customers/s", paidan: wide,
                other: plainReference, target: .ratio(0.8),
                notes: "as many jobs in hand as C has: 64 in the transaction and the next 64 claimed meanwhile"),
        ]
    }

    /// A database with the sellers, copied for each run.
    private func prepare() throws {
        try stage.servers.sql(
            """
            INSERT INTO crm_userinfo (name, username, email, depart_id)
            SELECT 'Seller ' || n, 'seller' || n, 'seller' || n || '@example.com', 1001 FROM generate_series(1, 50) n;
            INSERT INTO crm_salerank (user_id, num, weight)
            SELECT id, 5, id % 7 FROM crm_userinfo WHERE username LIKE 'seller%'
            """)
        // Tables that have never held a row make PostgreSQL keep plans that read them whole: a system in use has a past.
        try addCustomers(5_000)
        try stage.result(stage.reference("assign", referenceWords(5_000) + ["--channel", Self.channel]))
        try stage.servers.sql("UPDATE paidan.outbox SET sent_at = now()")
        try stage.servers.sql("VACUUM ANALYZE")
        try stage.servers.copyDatabase("paidan", to: Self.fresh)
        try stage.writeConfiguration(
            "tells.conf",
            """
            [channels.\(Self.channel)]
            type = "email"
            url = "smtp://127.0.0.1:9"
            [notifications.assigned]
            channels = ["\(Self.channel)"]
            """)
    }

    /// Fresh tables and queues with so many customers waiting.
    private func reset() throws {
        try stage.servers.copyDatabase(Self.fresh, to: "paidan")
        try addCustomers(jobs)
    }

    /// Pending customers, and a job for each.
    private func addCustomers(_ count: Int) throws {
        try stage.servers.sql(
            """
            SET paidan.writer = 'service';
            INSERT INTO crm_customer (qq, name)
            SELECT (100000000 + given.base + n)::text, 'Customer ' || n
            FROM generate_series(1, \(count)) n, (SELECT coalesce(max(id), 0) AS base FROM crm_customer) given
            """)
        try stage.servers.sql("VACUUM ANALYZE crm_customer")
        try stage.servers.sql("CHECKPOINT")
        let first = try stage.servers.sql("SELECT min(id) FROM crm_customer WHERE pool_state = 'pending'")
        try stage.fill(count, queue: "critical", kind: "customer.assign", ["--customers", first])
        try stage.servers.redis("set", "paidan:{default}:paused", "1")
    }

    private func referenceWords(_ count: Int) -> [String] {
        [
            "--postgres", stage.servers.conninfo, "--jobs", "\(count)", "--batch", "64", "--lua",
            stage.options.root + "/Sources/JobsRedis/Lua",
        ]
    }

    private func referenceRate(tells: Bool) throws -> Double {
        try reset()
        let watch = try stage.watch(jobs, queue: "critical")
        try stage.result(
            stage.reference("assign", referenceWords(jobs) + (tells ? ["--channel", Self.channel] : [])))
        return try rate(watch)
    }

    private func productRate(tells: Bool, concurrency: Int? = nil, batches: inout [Double]) throws -> Double {
        try reset()
        let watch = try stage.watch(jobs, queue: "critical")
        var configuration = tells ? stage.servers.folder + "/tells.conf" : nil
        if let concurrency {
            configuration = try stage.writeConfiguration("wide.conf", "[worker]\nconcurrency = \(concurrency)")
        }
        let begun = try stage.servers.sql("SELECT clock_timestamp()")
        let service = try stage.serve("worker", configuration: configuration)
        defer { service.end() }
        let rate = try rate(watch)
        let sizes = try stage.servers.sql(
            "SELECT count(*), count(DISTINCT at) FROM paidan.job_receipt WHERE at > '\(begun)'")
        let counts = sizes.split(separator: "|").compactMap { Double($0) }
        if counts.count == 2, counts[1] > 0 { batches.append(counts[0] / counts[1]) }
        return rate
    }

    /// - Throws: ``BenchError`` if a rule does not hold afterwards.
    private func rate(_ watch: Program) throws -> Double {
        let rate = try stage.result(watch)["per_second"] ?? 0
        try stage.paidan("doctor")
        let left = try stage.servers.sql("SELECT count(*) FROM crm_customer WHERE pool_state = 'pending'")
        guard left == "0" else { throw BenchError("\(left) customers are still pending after the last job") }
        return rate
    }
}
