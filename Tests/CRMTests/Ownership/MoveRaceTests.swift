import Jobs
import OwnerThread
import Postgres
import Testing

@testable import CRM

@Suite("Moves at once")
struct MoveRaceTests {
    @Test("a follow-up and an expiry at midnight: one comes first, and the rows say which")
    func followUpOrExpiry() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            var customers: [Int] = []
            for _ in 0..<30 { customers.append(try await lab.customer(of: 1)) }
            try await lab.freeze("2018-05-22 23:59:59.999", thenIn: .milliseconds(60), "2018-05-23 00:00")
            let told = Lock<[Int: String]>([:])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in customers {
                    group.addTask {
                        let moved = try await lab.desk().followUp(id, note: "聊过", by: MoveLab.seller(1))
                        told.withLock { $0[id] = word(moved) }
                    }
                    group.addTask {
                        try await lab.base.service { tx in
                            _ = try tx.query("SELECT paidan.expire_customer(\(id)::bigint)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            // A sweep comes after all of them, on the next day.
            try await lab.freeze("2018-05-23 00:05")
            try await lab.base.service { tx in
                _ = try tx.query("SELECT paidan.expire_customer(id) FROM crm_customer ORDER BY id")
            }
            for id in customers {
                let expected =
                    told.withLock { $0[id] } == "moved"
                    ? "private 1 2018-05-19 2018-05-22 - | 1:1:-"
                    : "public - 2018-05-19 2018-05-19 2018-05-23 | 1:3:2018-05-23"
                #expect(try await lab.state(id) == expected)
                #expect(try await lab.notes(id) == (expected.hasPrefix("private") ? 1 : 0))
            }
            #expect(told.withLock { Set($0.values) }.isSubset(of: ["moved", "expired"]))
        }
    }

    @Test("grabs and automatic assignment at a holding cap: never one over it")
    func holdingCap() async throws {
        try await MoveLab.with { lab in
            let cap = 7
            var pool: [Int] = []
            for _ in 0..<12 { pool.append(try await lab.pooled()) }
            let waiting = try await lab.base.addCustomers(12)
            try await lab.cap(1, holding: cap, num: 50)
            let refused = Lock(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (pooled, waiting) in zip(pool, waiting) {
                    group.addTask {
                        let said = try await word(lab.desk().grab(pooled, by: MoveLab.seller(1)))
                        #expect(said == "done" || said == "limit")
                        if said == "limit" { refused.withLock { $0 += 1 } }
                    }
                    group.addTask { try await lab.base.assign(customers: [waiting]) }
                }
                try await group.waitForAll()
            }
            #expect(try await lab.count("SELECT count(*) FROM crm_customerdistribution WHERE status = 1") == cap)
            let grabbed = try await lab.count("SELECT count(*) FROM crm_customerdistribution WHERE origin = 'grab'")
            #expect(grabbed + refused.withLock { $0 } == pool.count)
        }
    }

    @Test("a customer comes in while a full seller gives one back: whoever is first, the place is seen")
    func noLostWakeUp() async throws {
        try await MoveLab.with { lab in
            try await lab.cap(1, holding: 1, num: 50)
            let owned = try await lab.customer(of: 1)
            try await lab.base.gated { gate in
                let release = Task {
                    try await lab.base.service { tx in
                        _ = try OwnershipStore.lock(owned, in: &tx)
                        try OwnershipStore.end(owned, .released, in: &tx)
                        try OwnershipStore.free(owned, in: &tx)
                        try WaitingCustomers.enqueue(afterLossOf: 1, in: &tx)
                        try AssignmentLab.passGate(in: &tx)
                    }
                }
                try await gate.waiting(1)
                // Nobody waits yet, and the place is not to be seen yet.
                let new = try await lab.customer()
                let assignment = Task { try await lab.base.assign(customers: [new]) }
                try await gate.waiting(2)
                try await gate.open()
                try await release.value
                _ = try await assignment.value
                #expect(try await lab.state(new).hasPrefix("private 1 "))
            }
        }
    }

    @Test("grabs, transfers, releases, follow-ups, to-pool and expiry at random: no promise broken, nobody deadlocked")
    func anything() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            var customers: [Int] = []
            for index in 0..<6 { customers.append(try await lab.customer(of: index % 2 == 0 ? index % 4 + 1 : nil)) }
            let all = customers
            try await lab.cap(1, holding: 2, num: 3)
            try await lab.cap(2, holding: 3, num: 2)
            let told = Lock<[String: Int]>([:])
            for day in 20..<30 {
                try await lab.freeze("2018-05-\(day) 10:00")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<8 {
                        group.addTask {
                            for _ in 0..<5 {
                                let said = try await Self.something(with: all.randomElement() ?? 0, lab)
                                told.withLock { $0[said, default: 0] += 1 }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(try await lab.broken().isEmpty)
            }
            #expect(told.withLock { $0.values.reduce(0, +) } == 400)
            #expect(told.withLock { $0["done", default: 0] } > 20, "\(told.withLock { $0 })")
        }
    }

    private static func something(with customer: Int, _ lab: MoveLab) async throws -> String {
        let desk = lab.desk()
        let seller = Int.random(in: 1...4)
        switch Int.random(in: 0..<6) {
        case 0: return try await word(desk.grab(customer, by: MoveLab.seller(seller)))
        case 1: return try await word(desk.transfer(customer, to: seller, by: MoveLab.manager()))
        case 2: return try await word(desk.release(customer, reason: "不合适", by: MoveLab.seller(seller)))
        case 3: return try await word(desk.followUp(customer, note: "聊过", by: MoveLab.seller(seller)))
        case 4: return try await word(desk.toPool(customer, by: MoveLab.manager()))
        default:
            try await lab.base.assign(customers: [customer])
            return "assigned"
        }
    }
}
