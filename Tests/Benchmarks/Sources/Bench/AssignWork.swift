import Foundation

/// Pending customers, one a job, to 50 sellers with 5 slots each in a cycle.
struct AssignWork {
    let stage: Stage
    let jobs: Int
    private static let fresh = "fresh"
    /// A channel that is never reached: its queue is paused. The event, the delivery and the outbox row are written.
    private static let channel = "mail"
    private static let channels = """
        [channels.\(channel)]
        type = "email"
        url = "smtp://127.0.0.1:9"
        [notifications.assigned]
        channels = ["\(channel)"]

        """

    init(_ stage: Stage) {
        self.stage = stage
        jobs = stage.options.isShort ? 1_000 : 20_000
    }

    /// One row of the table: with or without a notice for each customer, and how many jobs paidan has in hand.
    private struct Case {
        let tells: Bool
        let concurrency: Int
        var rates: [Double] = []
        /// Jobs in one transaction, means.
        var batches: [Double] = []

        var title: String { "assign a customer\(tells ? "" : ", no notices"), concurrency \(concurrency)" }
    }

    func run() throws -> [Figure] {
        try prepare()
        var reference: [Bool: [Double]] = [:]
        var cases = [true, false].flatMap { tells in [64, 128].map { Case(tells: tells, concurrency: $0) } }
        for round in 1...stage.options.rounds {
            for tells in [true, false] {
                let rate = try referenceRate(tells: tells)
                reference[tells, default: []].append(rate)
                stage.say("assign \(round): C\(tells ? "" : ", no notices") \(Int(rate)) customers/s")
                for index in cases.indices where cases[index].tells == tells {
                    let (rate, batch) = try productRate(tells: tells, concurrency: cases[index].concurrency)
                    cases[index].rates.append(rate)
                    cases[index].batches.append(batch)
                    stage.say("assign \(round): \(cases[index].title) \(Int(rate)) customers/s")
                }
            }
        }
        return cases.map { row in
            Figure(
                row.title, unit: "customers/s", paidan: row.rates, other: reference[row.tells] ?? [],
                target: .ratio(0.8), notes: notes(on: row))
        }
    }

    private func notes(on row: Case) -> String {
        let batch = "jobs in a transaction, mean: \(String(format: "%.0f", Spread(row.batches).median)), of C 64; "
        let hand = row.concurrency == 64 ? "C has the next 64 in hand beside them" : "as many in hand as C has"
        return batch + hand + (row.tells ? "; paidan also relays the outbox, C does not" : "")
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

    private func productRate(tells: Bool, concurrency: Int) throws -> (rate: Double, batch: Double) {
        try reset()
        let watch = try stage.watch(jobs, queue: "critical")
        let configuration = try stage.writeConfiguration(
            "assign.conf", (tells ? Self.channels : "") + "[worker]\nconcurrency = \(concurrency)")
        let begun = try stage.servers.sql("SELECT clock_timestamp()")
        let service = try stage.serve("worker", configuration: configuration)
        defer { service.end() }
        let rate = try rate(watch)
        let sizes = try stage.servers.sql(
            "SELECT count(*), count(DISTINCT at) FROM paidan.job_receipt WHERE at > '\(begun)'")
        let counts = sizes.split(separator: "|").compactMap { Double($0) }
        guard counts.count == 2, counts[1] > 0 else { throw BenchError("no receipts: \(sizes)") }
        return (rate, counts[0] / counts[1])
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
