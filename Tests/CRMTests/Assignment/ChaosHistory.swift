import Jobs
import OwnerThread
import Postgres
import Testing

@testable import CRM

/// One run with everything that goes wrong at once; in the end nothing may be lost or doubled.
struct ChaosHistory {
    private struct Killed: Error {}

    private let lab: AssignmentLab
    private let seed: UInt64
    private var random: SeededRandom
    private var users: [Int]

    init(_ lab: AssignmentLab, seed: UInt64) async throws {
        self.lab = lab
        self.seed = seed
        random = SeededRandom(seed)
        lab.beforeCommit.withLock { $0 = nil }
        try await lab.startOver()
        lab.use(AssignmentStrategy.allCases[Int(random.next() % 3)])
        let first = Int(seed) * 8 + 1000
        users = Array(first..<(first + Int.random(in: 2...4, using: &random)))
        try await lab.addSellers(users)
        try await changeRanks(zeros: false)
    }

    mutating func play() async throws {
        lab.list.set(.many)
        let dice = Lock(SeededRandom(random.next()))
        // A tenth of the transactions die between their last write and their commit.
        lab.beforeCommit.withLock {
            $0 = { if dice.withLock({ Int.random(in: 0..<10, using: &$0) }) == 0 { throw Killed() } }
        }
        var customers: [Int] = []
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let fresh = try await lab.addCustomers(Int.random(in: 2...8, using: &random))
            if Bool.random(using: &random), let barred = users.randomElement(using: &random) {
                try await lab.bar([barred], from: fresh[0])
            }
            customers += fresh
            let workers = Int.random(in: 1...8, using: &random)
            try await work(fresh, workers: workers)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: try await changeRanks(zeros: true)
            case 1: if let user = users.randomElement(using: &random) { try await lab.deactivate(user) }
            case 2: if let customer = customers.randomElement(using: &random) { try await lab.undo([customer]) }
            default: break
            }
        }
        try await settle(customers)
    }

    /// Splits the customers into jobs, some twice, and lets the workers at them; each is repeated until it succeeds.
    private mutating func work(_ customers: [Int], workers: Int) async throws {
        var jobs: [AssignmentTask] = []
        var rest = customers[...]
        while !rest.isEmpty {
            let part = rest.prefix(Int.random(in: 1...3, using: &random))
            rest = rest.dropFirst(part.count)
            let task = AssignmentTask(job: lab.newJobID(), arguments: AssignmentArguments(customers: Array(part)))
            jobs.append(task)
            if Int.random(in: 0..<4, using: &random) == 0 { jobs.append(task) }
        }
        let lab = lab
        let isTogether = seed % 4 == 0
        let kill = Int.random(in: 0..<4, using: &random) == 0
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<workers {
                let mine = jobs.enumerated().filter { $0.offset % workers == worker }.map(\.element)
                group.addTask { for task in mine { await Self.untilDone(task, isTogether, lab) } }
            }
            if kill {
                group.addTask {
                    _ = try? await lab.pool.query(
                        """
                        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE datname = current_database() AND application_name = 'worker'
                        """)
                }
            }
        }
    }

    /// As the engine does: at least once, after an error of the store without counting.
    private static func untilDone(_ task: AssignmentTask, _ isTogether: Bool, _ lab: AssignmentLab) async {
        for _ in 0..<100 {
            do {
                let outcome = try await (isTogether ? lab.assignTogether([task]) : lab.job.run([task]))[0]
                if case .done = outcome { return }
            } catch {
                continue
            }
        }
        Issue.record("job \(task.job) never succeeded")
    }

    private mutating func changeRanks(zeros: Bool) async throws {
        let entries = users.map { user in
            RankEntry(
                userID: user, num: Int.random(in: (zeros ? 0 : 1)...3, using: &random),
                weight: Int.random(in: 0...2, using: &random))
        }
        #expect(try await lab.desk.replaceRanks(entries, actor: "test") == [])
    }

    /// With quiet stores again, whoever can be served is served.
    private func settle(_ customers: [Int]) async throws {
        lab.list.set(MemorySellerList.Faults())
        lab.beforeCommit.withLock { $0 = nil }
        try await lab.assign(customers: customers)
        let capacity = try await lab.pool.transaction { tx in
            try AssignmentStore.sellers(in: &tx).contains { $0.refusal == nil }
        }
        let pending = try await lab.ints(
            """
            SELECT c.id FROM crm_customer c WHERE c.id = ANY(\(customers)::bigint[]) AND c.pool_state = 'pending'
                AND NOT EXISTS (SELECT FROM crm_customerdistribution d WHERE d.customer_id = c.id AND d.status = 3)
            """)
        #expect(!capacity || pending.isEmpty, "seed \(seed)")
        let doubled = try await lab.ints(
            """
            SELECT d.customer_id FROM crm_customerdistribution d WHERE d.customer_id = ANY(\(customers)::bigint[])
                AND d.status = 1 GROUP BY 1 HAVING count(*) > 1
            """)
        #expect(doubled.isEmpty, "seed \(seed)")
    }
}
