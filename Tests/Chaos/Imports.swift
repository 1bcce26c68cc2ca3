import Foundation
import Jobs
import JobsRedis
import Postgres
import TestSupport

/// Sheets that are imported while the process dies at the lines that only an import comes to: reading, storing, giving
/// customers to sellers, telling the sellers.
struct Imports {
    let site: Site
    let fleet: Fleet

    private static let rows = 120

    func run() async throws -> Tally {
        for (seller, num) in [("wang", 5), ("li", 3), ("zhao", 8)] {
            _ = try await site.run("user", "create", seller, "--seller")
            _ = try await site.run("ranks", "set", seller, "--num", "\(num)", "--weight", "\(num)")
        }
        var tally = Tally()
        tally.run = site.plan.name
        tally.control = site.plan.control.rawValue
        for (number, line) in site.plan.importLines.enumerated() {
            try await crash(line, number)
            tally.lines.append(String(line.prefix { $0 != ":" }))
            tally.faults["crash", default: 0] += 1
            say("  \(site.plan.name): \(number + 1) of \(site.plan.importLines.count): crash at \(line)")
        }
        try await count(&tally, sheets: site.plan.importLines.count)
        return tally
    }

    private func crash(_ line: String, _ number: Int) async throws {
        let doomed = try await fleet.start(crashAt: line)
        try await upload(number)
        try await until("a crash at \(line)", within: .seconds(60)) { doomed.end != nil }
        guard doomed.end == .signalled(ChildProcess.kill), doomed.log.contains("crash point \(line)") else {
            throw ChaosError("no crash at \(line): \(doomed.log.suffix(1000))")
        }
        try await fleet.start()
        let wanted = (number + 1) * Self.rows
        try await until("sheet \(number) is imported, its customers are given out and told of", within: .seconds(60)) {
            try await site.count(
                """
                SELECT count(*) FROM (SELECT) one
                WHERE (SELECT count(*) FROM crm_customerdistribution) >= \(wanted)
                  AND NOT EXISTS (SELECT FROM paidan.import_batch WHERE state <> 'done')
                  AND NOT EXISTS (SELECT FROM paidan.delivery WHERE status IN ('pending', 'retry', 'leased'))
                """) > 0
        }
        // The next must be alone with its doomed worker.
        try await fleet.stop()
    }

    private func upload(_ number: Int) async throws {
        let path = site.folder + "/sheet\(number).csv"
        var text = "姓名,性别,QQ,学历,毕业院校,公司,薪资,来源,备注\n"
        for row in 0..<Self.rows {
            text += "客户\(row),男,\(10_000_000 + number * 1000 + row),普通本科,某某大学,某某公司,8000,qq群,\n"
        }
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        _ = try await site.run("import", path, "--no-wait")
    }

    /// A customer is an effect, and so is its seller.
    private func count(_ tally: inout Tally, sheets: Int) async throws {
        let wanted = sheets * Self.rows
        tally.jobs = 2 * wanted
        let customers = try await site.count("SELECT count(DISTINCT qq) FROM crm_customer")
        let given = try await site.count("SELECT count(DISTINCT customer_id) FROM crm_customerdistribution")
        tally.lost = 2 * wanted - customers - given
        let allCustomers = try await site.count("SELECT count(*) FROM crm_customer")
        let allGiven = try await site.count("SELECT count(*) FROM crm_customerdistribution")
        tally.doubled = allCustomers + allGiven - customers - given
        for queue in Site.queues {
            let census = try await site.store.census(queue)
            tally.census[queue] = census.difference
            tally.dead += census.dead
        }
        tally.doctor = try await site.run("doctor", mayFail: true).split(separator: "\n").map(String.init)
            .filter { !$0.hasPrefix("ok") }
    }
}

extension Site {
    func linesOfProgram() async throws -> [String] {
        let process = try await ChildProcess.start(
            program, ["serve", "--roles", "worker", "--config", configuration],
            environment: ["PAIDAN_CRASH_AT": "?"], log: folder + "/lines")
        try await process.finish()
        guard let list = process.log.firstMatch(of: /with a line of ([a-z, ]+)\./)?.1 else {
            throw ChaosError("\(program) is no debug build: it names no lines to crash at")
        }
        return list.split(separator: ", ").map(String.init)
    }
}
