import Jobs
import Postgres
import Testing

@testable import CRM

/// What is overdue fills nobody's holding cap, whether a sweep has run or not.
@Suite("Room under a holding cap")
struct RoomTests {
    @Test("a grab and an assignment find the room that an overdue customer left, no sweep needed")
    func overdue() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            try await lab.cap(1, holding: 1, num: 1)
            _ = try await lab.customer(of: 1)
            let (wanted, waiting) = (try await lab.pooled(), try await lab.customer())
            let pool = lab.desk().poolSearch
            #expect(try await pool.page(.open, for: MoveLab.seller(1)).items.map(\.mayGrab) == [false])
            #expect(try await word(lab.desk().grab(wanted, by: MoveLab.seller(1))) == "limit")
            try await lab.freeze("2018-05-23 00:00")
            let items = try await pool.page(.open, for: MoveLab.seller(1)).items
            #expect(items.first { $0.customer.id == "\(wanted)" }?.mayGrab == true)
            #expect(try await word(lab.desk().grab(wanted, by: MoveLab.seller(1))) == "done")
            try await lab.base.assign(customers: [waiting])
            #expect(try await lab.state(waiting).hasPrefix("pending"))
            try await lab.freeze("2018-05-27 00:00")
            try await lab.base.assign(customers: [waiting])
            #expect(try await lab.state(waiting).hasPrefix("private 1"))
            #expect(try await lab.count("SELECT count(*) FROM crm_customerdistribution WHERE status = 3") == 2)
        }
    }

    @Test(
        "a page's customer without a distribution is lost on record too, by a sweep and without",
        arguments: [false, true])
    func undistributed(isSwept: Bool) async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            let id = try await lab.base.pool.query(
                "INSERT INTO crm_customer (qq, name, consultant_id) VALUES ('100001', '甲', 2) RETURNING id")[0].int(0)
            try await lab.freeze("2018-05-24 10:00")
            if isSwept {
                let job = SweepJob(pool: lab.base.pool, publisher: EventTable())
                _ = try await job.run(
                    job: lab.base.newJobID(), SweepArguments(), .detached(logger: ImportLab.logger))
            }
            #expect(try await word(lab.desk().grab(id, by: MoveLab.seller(2))) == "former_owner")
            #expect(try await lab.state(id).hasSuffix("| 2:3:2018-05-23"))
        }
    }
}
