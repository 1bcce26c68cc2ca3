import Foundation
import Jobs
import Postgres

@testable import CRM

/// What machines do: sweep, reconciler, arrivals and their assignment.
extension YearWorld {
    /// Runs what waits in the outbox for a seller, and the customers whom nobody took.
    func assignWaiting() async throws {
        _ = try await service { try WaitingCustomers.enqueue(in: &$0) }
        let waiting = try await pool.query(
            """
            DELETE FROM paidan.outbox o WHERE o.kind IN ('customer.assign', 'seller.offboard')
            RETURNING o.id::text, o.kind, o.args, o.seq
            """
        ).sorted { (try? $0.int(3)) ?? 0 < (try? $1.int(3)) ?? 0 }
        for row in waiting {
            let args = Data(try row.utf8(2))
            if try row.text(1) == OffboardJob.kind {
                let user = try JSONDecoder().decode([String: Int].self, from: args)["user_id"] ?? 0
                _ = try await OffboardJob(pool: pool, list: list, hooks: hooks).run(job: try row.text(0), user: user)
            } else {
                let arguments = try JSONDecoder().decode(AssignmentArguments.self, from: args)
                _ = try await assignment.run([AssignmentTask(job: try row.text(0), arguments: arguments)])
            }
        }
        _ = try await pool.query("DELETE FROM paidan.outbox")
    }

    func sweep() async throws {
        let job = SweepJob(pool: pool, publisher: EventTable())
        let arguments = try JSONDecoder().decode(SweepArguments.self, from: Data("{}".utf8))
        _ = try await job.run(job: newJobID(), arguments, .detached(logger: ImportLab.logger))
        count("sweeps")
    }

    /// Mends what a page left half done a minute ago.
    func reconcile() async throws { _ = try await pool.query("SELECT paidan.mend_written()") }

    /// A sheet of the day's customers, through the whole import; a few come singly.
    func arrivals(_ day: Int, _ random: inout SeededRandom) async throws {
        let first = min(day * plan.customersPerDay, plan.customers)
        let numbers = (first..<min(first + plan.customersPerDay, plan.customers)).map { 10_000_000 + $0 }
        let singles = numbers.count / 10
        for number in numbers.prefix(singles) {
            let own = Bool.random(using: &random)
            let seller = Int.random(in: 2...plan.sellers + 1, using: &random)
            let body = #"{"qq": "\#(number)", "name": "客户", "assign": "\#(own ? "self" : "auto")"}"#
            let made = try await customers.create(
                try CustomerInput(json: Array(body.utf8)), seller: seller, actor: "user:\(seller)")
            if case .created = made { count(own ? "entered by its seller" : "entered") } else { count("not entered") }
        }
        guard numbers.count > singles else { return }
        let rows = numbers.dropFirst(singles).map { "\($0),客户" } + ["x,坏行", "\(10_000_000 + first / 2),旧客户"]
        let csv = Array(("QQ,姓名\n" + rows.joined(separator: "\n") + "\n").utf8)
        var upload = try await ImportUpload(imports, NewImport(fileName: "day\(day).csv"))
        try await upload.write(csv)
        guard case .accepted(let ticket) = try await upload.finish() else { return count("import refused") }
        let claim = Claim(id: newJobID(), kind: "import.batch", queue: "bulk", args: [], attempt: 1)
        let preview = AssignmentPreview(pool: pool) { .laps }
        _ = try await ImportRun(imports, preview, claim, .detached(logger: ImportLab.logger)).run(ticket.id)
        count("imports")
    }

    /// People come, leave and are away.
    func staff(_ day: Int, _ random: inout SeededRandom) async throws {
        let user = Int.random(in: 2...plan.sellers + 1, using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0:
            // The Django admin switches somebody off, or moves him; the trigger asks for the offboard job.
            _ = try await pages.query("UPDATE crm_userinfo SET is_active = false WHERE id = \(user)::bigint")
            count("left")
        case 1, 2:
            _ = try await pages.query("UPDATE crm_userinfo SET is_active = true WHERE NOT is_active")
            count("came back")
        case 3:
            let day = try await pool.query("SELECT paidan.today()::text, (paidan.today() + 2)::text")[0]
            _ = try await ranks.addAbsence(user: user, from: try day.text(0), to: try day.text(1), actor: "test")
            count("absences")
        case 4:
            let num = Int.random(in: 0...5, using: &random)
            _ = try await pages.query("UPDATE crm_salerank SET num = \(num)::int WHERE user_id = \(user)::bigint")
            count("shares changed by a page")
        default: break
        }
    }
}
