public import Jobs
internal import JobsPostgres
public import Logging
public import Postgres
public import ServiceLifecycle

/// Finds what the tables say is still to do and no job is doing, and gives it one.
///
/// Redis may be flushed, or restored from an old copy: whatever a table knows of goes on within a minute. Runs at start
/// and every 20 s, in every process with the scheduler's role: each step may be repeated by others at any time.
public struct Reconciler: Service {
    public static let kindName = "reconcile"
    private static let interval = Duration.seconds(20)
    /// Rounds between looks for customers that wait for a seller: 5 minutes.
    private static let roundsPerWait = 15
    private static let roundsPerHour = 180

    private struct NoArguments: Decodable, Sendable {}

    private let pool: PostgresPool
    private let door: any JobDoor
    private let imports: ImportStore
    private let hooks: AssignmentHooks
    private let logger: Logger

    public init(
        pool: PostgresPool, door: any JobDoor, imports: ImportStore, hooks: AssignmentHooks, logger: Logger
    ) {
        self.pool = pool
        self.door = door
        self.imports = imports
        self.hooks = hooks
        self.logger = logger
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            var round = 0
            var assignable: Set<Int> = []
            while !Task.isCancelled {
                do {
                    try await reconcile(all: round % Self.roundsPerHour == 0)
                    try await assignWaiting(&assignable, isTime: round % Self.roundsPerWait == 0)
                } catch {
                    logger.warning(
                        "reconciler stopped before its end", metadata: ["trouble": "store", "error": "\(error)"])
                }
                round += 1
                try? await Task.sleep(for: Self.interval)
            }
        }
    }

    /// `reconcile {}`: one round, now.
    public var kind: Kind {
        Kind.single(Self.kindName, arguments: NoArguments.self) { _, _, _ in
            try await reconcile()
            var assignable: Set<Int> = []
            try await assignWaiting(&assignable, isTime: true)
            return .done()
        }
    }

    /// One round.
    ///
    /// - Parameter all: looks also at what pages wrote more than an hour ago, while nobody looked.
    func reconcile(all: Bool = true) async throws {
        // Mends what a page of the CRM left half done for a minute; who was left without a seller gets one.
        try await pool.transaction { tx in
            Author.set("job:reconcile", in: &tx)
            let since: SQL = all ? "'-infinity'" : "paidan.now() - interval '1 hour'"
            let mended = try tx.query("SELECT paidan.mend_written(\(since))")[0].int(0)
            if mended > 0 { try WaitingCustomers.enqueue(in: &tx) }
        }
        _ = try await pool.transaction { try DeliveryStore.requeueForgotten(in: &$0) }
        let resent = try await pool.transaction { try Outbox.resend(in: &$0) }
        if resent > 0 { logger.notice("jobs sent again that left no receipt", metadata: ["jobs": "\(resent)"]) }
        for lost in try await imports.unfinished() {
            switch try await door.job(lost.jobID)?.state {
            case .dead?:
                try await imports.giveUp(lost.id, message: "导入任务多次失败，已停止；请联系管理员")
            case .cancelled?: try await imports.cancel(lost.id, actor: "job:reconcile")
            case .succeeded?: try await imports.requeue(lost)
            case nil:
                if try await !isOnItsWay(lost.jobID) { try await imports.requeue(lost) }
            case .scheduled?, .queued?, .running?, .retrying?: break
            }
        }
        for lost in try await imports.unassigned() {
            switch try await door.job(lost.jobID)?.state {
            case .dead?, .cancelled?, .succeeded?: try await imports.reassign(lost)
            case nil:
                if try await !isOnItsWay(lost.jobID) { try await imports.reassign(lost) }
            case .scheduled?, .queued?, .running?, .retrying?: break
            }
        }
    }

    /// Whether the outbox still has the job and sends it (again) by itself.
    private func isOnItsWay(_ job: String) async throws -> Bool {
        try await !pool.query(
            """
            SELECT FROM paidan.outbox
            WHERE id::text = \(job) AND (sent_at IS NULL OR sent_at > now() - interval '22 hours')
            """
        ).isEmpty
    }

    /// Customers who wait are tried again every few minutes, and at once when somebody may take some who could not before,
    /// whatever made it so: a page, an undo, the end of a leave.
    ///
    /// - Parameter assignable: sellers who could take some at the last look.
    private func assignWaiting(_ assignable: inout Set<Int>, isTime: Bool) async throws {
        let hooks = hooks
        let before = assignable
        assignable = try await pool.transaction { tx in
            Author.set("job:reconcile", in: &tx)
            try AssignmentStore.makeRoom(in: &tx)
            let now = Set(try AssignmentStore.sellers(in: &tx).filter { $0.refusal == nil }.map(\.user))
            if isTime || !now.isSubset(of: before) { try WaitingCustomers.enqueue(in: &tx) }
            if isTime { try WaitingCustomers.checkCapacity(hooks, in: &tx) }
            return now
        }
    }
}

/// Removes what has served its time, once an hour.
public struct Housekeeper: Service {
    private let pool: PostgresPool
    private let imports: ImportStore
    private let retention: JobsPostgres.Retention
    private let logger: Logger

    public init(pool: PostgresPool, imports: ImportStore, receipts: Duration, logger: Logger) {
        self.pool = pool
        self.imports = imports
        var retention = JobsPostgres.Retention()
        retention.receipts = receipts
        self.retention = retention
        self.logger = logger
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    _ = try await retention.prune(pool)
                    _ = try await imports.removeAbandoned()
                    while try await imports.pruneFiles() > 0 { try Task.checkCancellation() }
                    _ = try await pool.query(
                        "DELETE FROM paidan.send_log WHERE sent_at < clock_timestamp() - interval '1 hour'")
                } catch {
                    logger.debug("housekeeping stopped before its end", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: .seconds(3600))
            }
        }
    }
}
