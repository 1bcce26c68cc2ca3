internal import JobsPostgres
internal import Postgres

/// One `customer.assign` job as the transaction sees it.
struct AssignmentTask: Sendable {
    let job: String
    let arguments: AssignmentArguments
}

/// What came of one job.
struct AssignmentTaskResult: Sendable, Equatable {
    var assigned = 0
    var noCapacity = 0
    var barred = 0
    /// A receipt was there: the work had been done, or the job cancelled, before.
    var doneBefore = false

    /// `{"result":"no_capacity","assigned":0,"pending":1}`
    var json: [UInt8] {
        let result: String
        if doneBefore {
            result = "done_before"
        } else if noCapacity > 0 {
            result = PendingReason.noCapacity.rawValue
        } else {
            result = barred > 0 ? PendingReason.barred.rawValue : "assigned"
        }
        return Array("{\"result\":\"\(result)\",\"assigned\":\(assigned),\"pending\":\(noCapacity + barred)}".utf8)
    }
}

/// Several jobs in one transaction: receipts, lock, plan, rows, events.
struct AssignmentTransaction: Sendable {
    enum End: Sendable {
        /// In the order of the tasks. The list is to take `load`, or else `unused` back.
        case done([AssignmentTaskResult], load: CycleLoad?, unused: [SlotToken])
        /// Nothing was written: so many customers have no token although the list holds more.
        case moreTokens(Int)
    }

    let tasks: [AssignmentTask]
    let tokens: [SlotToken]
    let listRanOut: Bool
    let settings: AssignmentSettings
    let hooks: AssignmentHooks

    func run(in tx: inout Transaction) throws -> End {
        Author.set("job:customer.assign", in: &tx)
        let taken = try Receipts.take(
            tasks.map { (id: $0.job, kind: AssignmentJob.kind) }.sorted { $0.id < $1.id }, in: &tx)
        var results = tasks.map { AssignmentTaskResult(doneBefore: !taken.contains($0.job)) }
        let open = tasks.indices.filter { !results[$0].doneBefore }
        if open.isEmpty { return .done(results, load: nil, unused: tokens) }

        let (ids, owner) = distinct(open)
        let look = try AssignmentLook.take(ids, tokens: tokens, in: &tx)
        let ground = look.ground
        if look.customers.isEmpty {
            try end(open, [], owner, in: &tx)
            return .done(results, load: nil, unused: tokens)
        }
        let plan = try plan(look, in: &tx)
        if plan.missing > 0 { return .moreTokens(plan.missing) }

        let owners = try AssignmentStore.write(plan, strategy: settings.strategy, ground: ground, in: &tx)
        for new in owners { if let task = owner[new.customer] { results[task].assigned += 1 } }
        for pending in plan.pending {
            guard let task = owner[pending.customer] else { continue }
            switch pending.reason {
            case .noCapacity: results[task].noCapacity += 1
            case .barred: results[task].barred += 1
            }
        }
        if plan.pending.contains(where: { $0.reason == .noCapacity }) { try WaitingCustomers.note(in: &tx) }
        try end(open, owners, owner, in: &tx)
        return .done(results, load: try load(plan, ground, in: &tx), unused: plan.unused)
    }

    /// Each customer once, in order, and the task it belongs to.
    private func distinct(_ open: [Int]) -> (ids: [Int], owner: [Int: Int]) {
        var ids: [Int] = []
        var owner: [Int: Int] = [:]
        for index in open {
            for id in tasks[index].arguments.customers where owner[id] == nil {
                owner[id] = index
                ids.append(id)
            }
        }
        return (ids, owner)
    }

    private func plan(_ look: AssignmentLook, in tx: inout Transaction) throws -> AssignmentPlan {
        var input = AssignmentInput(
            strategy: settings.strategy, openCycle: look.ground.openCycle, lastCycle: look.ground.lastCycle,
            sellers: look.sellers, listRanOut: listRanOut, customers: look.customers)
        guard let cycle = look.ground.openCycle else { return AssignmentPlanner.plan(input) { _ in [] } }
        (input.returned, input.tokens) = (look.returned, look.tokens)
        var last = 0
        return try AssignmentPlanner.plan(input) { wanted in
            let slots = try AssignmentStore.freeSlots(of: cycle, after: last, count: wanted, in: &tx)
            last = slots.last?.position ?? last
            return slots
        }
    }

    /// Tells of the new owners, task by task.
    private func end(_ open: [Int], _ owners: [NewOwner], _ owner: [Int: Int], in tx: inout Transaction) throws {
        var single: [NewOwner] = []
        var byTask: [Int: [NewOwner]] = [:]
        for new in owners {
            guard let task = owner[new.customer] else { continue }
            if tasks[task].arguments.chunk == nil {
                single.append(new)
            } else {
                byTask[task, default: []].append(new)
            }
        }
        if !single.isEmpty { try hooks.assigned(single, &tx) }
        let ofImports = open.filter { tasks[$0].arguments.chunk != nil }
        // The end of an import is told of all its customers.
        if !ofImports.isEmpty { try tx.run(AssignmentLook.planFreely) }
        for index in ofImports {
            guard let chunk = tasks[index].arguments.chunk else { continue }
            try hooks.chunkAssigned(chunk.importID, chunk.chunk, byTask[index] ?? [], &tx)
        }
    }

    private func load(
        _ plan: AssignmentPlan, _ ground: AssignmentGround, in tx: inout Transaction
    ) throws -> CycleLoad? {
        if let newest = plan.built.last {
            return CycleLoad(
                cycle: newest.number, stamp: ground.stamp, rankVersion: ground.rankVersion, open: newest.open,
                whole: newest.isClosed ? [] : newest.whole)
        }
        // The list had lost slots, or their takers died: what is free goes back into it.
        return plan.refilled ? try AssignmentStore.load(in: &tx) : nil
    }
}
