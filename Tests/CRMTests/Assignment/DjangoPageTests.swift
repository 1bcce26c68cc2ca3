import Postgres
import TestSupport
import Testing

@testable import CRM

@Suite("Pages of Django change shares and people")
struct DjangoPageTests {
    /// Sellers 1 a:3,1 2 b:2,2 3 c:1,3, and a way to write to their database as pages do.
    private func beside(_ body: (AssignmentLab, (String) async throws -> Void) async throws -> Void) async throws {
        try await AssignmentLab.with { lab in
            try await lab.set(SequenceVectors.base.shares, .laps)
            let name = try await lab.pool.query("SELECT current_database()")[0].text(0)
            let conninfo = try await PrivateServers.postgres.value + " dbname=" + name
            for statement in Django.rights { _ = try await lab.pool.query(statement) }
            try await body(lab) { code in try await Django.run(code, in: conninfo, by: Django.crm.value) }
        }
    }

    @Test("a share edited in the middle of a cycle counts from the next one")
    func shares() async throws {
        try await beside { lab, page in
            let customers = try await lab.addCustomers(10)
            try await lab.assign(customers: Array(customers[..<2]))
            try await page("SaleRank.objects.filter(user=1).update(num=1)")
            try await page("r = SaleRank.objects.get(user=3); r.weight = 0; r.save()")
            try await lab.assign(customers: Array(customers[2...]))
            #expect(try await lab.consultants(of: customers) == SequenceRow.users("c b a b a a b a c b"))
        }
    }

    @Test("a share of 0 counts at once, and so does a person moved out of the department")
    func away() async throws {
        try await beside { lab, page in
            let customers = try await lab.addCustomers(8)
            try await lab.assign(customers: Array(customers[..<3]))
            try await page("r = SaleRank.objects.get(user=2); r.num = 0; r.save()")
            try await page("UserInfo.objects.filter(pk=1).update(depart_id=1000)")
            let jobs = try await lab.pool.query(
                "SELECT args ->> 'user_id' FROM paidan.outbox WHERE kind = 'seller.offboard'")
            #expect(try jobs.map { try $0.text(0) } == ["1"])
            _ = try await lab.offboard.run(job: "o", user: 1)
            try await lab.assign(customers: customers)
            #expect(Set(try await lab.consultants(of: Array(customers[2...]))) == [3])
            #expect(try await lab.pool.transaction { try Invariants.violations(in: &$0) } == [])
        }
    }
}
