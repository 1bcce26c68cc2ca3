import OwnerThread
import Postgres
import Testing

@testable import CRM

/// Random histories against ``AssignmentModel`` and the invariants. A failure names the seed that repeats it.
@Suite("Assignment model") struct ModelTests {
    static let runs = 600

    @Test("one worker and a faithful list: every slot, seller and void as in the model", arguments: 0..<3)
    func sequential(lane: Int) async throws {
        try await AssignmentLab.with { lab in
            for run in 0..<(Self.runs / 3) {
                var history = try await ModelHistory(lab, seed: UInt64(lane * 10_000 + run))
                try await history.play()
            }
            try await AssignmentOracle.check(lab.pool, run: "lane \(lane)")
        }
    }

    @Test("workers at once, doubled jobs, a faulty list, killed sessions: exact all the same", arguments: 0..<3)
    func chaos(lane: Int) async throws {
        try await AssignmentLab.with(sessions: 4) { lab in
            for run in 0..<(Self.runs / 3) {
                var history = try await ChaosHistory(lab, seed: UInt64(500_000 + lane * 10_000 + run))
                try await history.play()
            }
            try await AssignmentOracle.check(lab.pool, run: "lane \(lane)")
        }
    }
}

extension AssignmentLab {
    /// Ends what earlier runs left, so that a run starts with its own sellers and no open cycle.
    func startOver() async throws {
        try await service { tx in
            _ = try tx.query("DELETE FROM crm_salerank")
            _ = try tx.query("DELETE FROM paidan.rank_limit")
            _ = try tx.query("UPDATE crm_customer SET status = 1, consultant_id = NULL WHERE pool_state = 'pending'")
        }
        list.set(MemorySellerList.Faults())
        list.flush()
    }

    func lastCycle() async throws -> Int {
        try await ints("SELECT coalesce(max(cycle_no), 0) FROM paidan.assign_cycle")[0]
    }

    /// What an import's undo does with customers that nobody touched.
    func undo(_ customers: [Int]) async throws {
        try await service { tx in
            try SlotRelease.lock(in: &tx)
            let gone = try tx.query(
                """
                SELECT d.id FROM crm_customerdistribution d WHERE d.customer_id = ANY(\(customers)::bigint[])
                    AND d.status = 1 AND d.origin = 'auto'
                """
            ).map { try $0.int(0) }
            try SlotRelease.release(distributions: gone, in: &tx)
            _ = try tx.query(
                """
                INSERT INTO paidan.distribution_archive
                    (id, user_id, customer_id, ctime, status, memo, origin, ended_on, import_id, why)
                SELECT id, user_id, customer_id, ctime, 7, memo, origin, paidan.today(), 1, 'undone'
                FROM crm_customerdistribution WHERE id = ANY(\(gone)::bigint[])
                """)
            _ = try tx.query("DELETE FROM crm_customerdistribution WHERE id = ANY(\(gone)::bigint[])")
            _ = try tx.query(
                """
                UPDATE crm_customer SET status = 1, consultant_id = NULL
                WHERE id = ANY(\(customers)::bigint[]) AND NOT EXISTS (
                    SELECT FROM crm_customerdistribution d WHERE d.customer_id = crm_customer.id AND d.status = 1)
                """)
        }
    }
}

/// One random history, played on PostgreSQL and in the model at once.
struct ModelHistory {
    private let lab: AssignmentLab
    private let seed: UInt64
    private var random: SeededRandom
    private var model: AssignmentModel
    private var users: [Int]
    private let firstCycle: Int
    private var given: [Int] = []

    init(_ lab: AssignmentLab, seed: UInt64) async throws {
        self.lab = lab
        self.seed = seed
        random = SeededRandom(seed)
        try await lab.startOver()
        firstCycle = try await lab.lastCycle() + 1
        model = AssignmentModel(lastCycle: firstCycle - 1)
        model.strategy = AssignmentStrategy.allCases[Int(random.next() % 3)]
        lab.use(model.strategy)
        let first = Int(seed) * 8 + 1000
        users = Array(first..<(first + Int.random(in: 1...4, using: &random)))
        try await lab.addSellers(users)
        for user in users { model.sellers[user] = Seller(user: user, num: 0, weight: 0) }
        try await changeRanks()
    }

    mutating func play() async throws {
        for _ in 0..<Int.random(in: 4...8, using: &random) {
            switch Int.random(in: 0..<16, using: &random) {
            case 0..<9: try await enter(Int.random(in: 1...6, using: &random), oneJob: Bool.random(using: &random))
            case 9..<11: try await enterBarred()
            case 11: try await changeRanks()
            case 12: try await leave()
            case 13: try await deactivate()
            case 14: try await repeatJob()
            default: try await undo()
            }
        }
        try await compare()
    }

    private mutating func enter(_ count: Int, oneJob: Bool) async throws {
        let customers = try await lab.addCustomers(count)
        if oneJob {
            try await lab.assign(customers: customers)
        } else {
            for customer in customers { try await lab.assign(customers: [customer]) }
        }
        for customer in customers where model.assign(customer) != nil { given.append(customer) }
    }

    private mutating func enterBarred() async throws {
        let customer = try await lab.addCustomers(1)[0]
        var barred: [Int] = []
        for user in users where Bool.random(using: &random) { barred.append(user) }
        try await lab.bar(barred, from: customer)
        try await lab.assign(customers: [customer])
        if model.assign(customer, barred: barred) != nil { given.append(customer) }
    }

    private mutating func changeRanks() async throws {
        var entries: [RankEntry] = []
        for user in users {
            let num = max(0, Int.random(in: -1...3, using: &random))
            let cap = Int.random(in: 0..<8, using: &random)
            let holding = model.sellers[user]?.holding ?? 0
            let taken = model.sellers[user]?.takenToday ?? 0
            entries.append(
                RankEntry(
                    userID: user, num: num, weight: Int.random(in: 0...2, using: &random),
                    dailyCap: cap == 0 ? taken + 2 : nil, holdingCap: cap == 1 ? holding + 2 : nil))
        }
        #expect(try await lab.desk.replaceRanks(entries, actor: "test") == [])
        for entry in entries {
            model.sellers[entry.userID]?.num = entry.num
            model.sellers[entry.userID]?.weight = entry.weight
            model.sellers[entry.userID]?.dailyCap = entry.dailyCap
            model.sellers[entry.userID]?.holdingCap = entry.holdingCap
        }
        model.voidFree(of: entries.filter { $0.num == 0 }.map(\.userID), .num)
    }

    private mutating func leave() async throws {
        guard let user = users.randomElement(using: &random) else { return }
        let day = try await lab.pool.query("SELECT paidan.today()::text")[0].text(0)
        #expect(
            try await lab.desk.addAbsence(user: user, from: day, to: day, actor: "test") != .unknownUser)
        model.sellers[user]?.isOnLeave = true
    }

    /// His customers wait again; they are not assigned here, which the worker would do by the outbox.
    private mutating func deactivate() async throws {
        guard users.count > 1, let user = users.randomElement(using: &random) else { return }
        try await lab.deactivate(user)
        model.sellers[user]?.isActive = false
        model.voidFree(of: [user], .left)
        model.sellers[user]?.holding = 0
    }

    private mutating func repeatJob() async throws {
        let customers = try await lab.addCustomers(2)
        let job = lab.newJobID()
        try await lab.assign(customers: customers, job: job)
        try await lab.assign(customers: customers, job: job)
        // Another job for customers that have their seller.
        try await lab.assign(customers: customers.reversed())
        var left: [Int] = []
        for customer in customers {
            if model.assign(customer) != nil { given.append(customer) } else { left.append(customer) }
        }
        for customer in left.reversed() where model.assign(customer) != nil { given.append(customer) }
    }

    private mutating func undo() async throws {
        guard let customer = given.randomElement(using: &random) else { return }
        let owner = try await lab.consultants(of: [customer])[0]
        guard owner != nil else { return }
        try await lab.undo([customer])
        model.undo(customer)
        given.removeAll { $0 == customer }
    }

    private func compare() async throws {
        let rows = try await lab.pool.query(
            """
            SELECT cycle_no, pos, user_id, coalesce(reason, state), CASE WHEN state = 'used' THEN customer_id END
            FROM paidan.assign_slot WHERE cycle_no >= \(firstCycle)::bigint ORDER BY cycle_no, pos
            """)
        let found = try rows.map { row in
            AssignmentModel.Slot(
                cycle: try row.int(0), position: try row.int(1), user: try row.int(2), state: try row.text(3),
                customer: try row.optionalInt(4))
        }
        #expect(found == model.slots, "seed \(seed)")
    }
}
