/// Tells what the tables know of a customer, in the order of time. Pure.
struct ExplainStory: Sendable {
    let facts: ExplainFacts
    private(set) var told: [CustomerStory.Fact] = []
    private let moments: ExplainMoments

    init(_ facts: ExplainFacts) {
        self.facts = facts
        moments = ExplainMoments(facts)
    }

    static func compose(_ facts: ExplainFacts) -> CustomerStory {
        var story = ExplainStory(facts)
        story.tellArrival()
        story.tellChanges()
        story.tellOwners()
        story.tellWork()
        story.tellNow()
        // Facts of one moment stay in the order in which they were told.
        let order = story.told.indices.sorted { (story.told[$0].at, $0) < (story.told[$1].at, $1) }
        return CustomerStory(
            customer: facts.customer.id, state: facts.customer.state, facts: order.map { story.told[$0] })
    }

    mutating func tell(_ at: Int, _ what: String, user: Int? = nil, _ source: String) {
        told.append(CustomerStory.Fact(at: at, what: what, user: user, source: source))
    }

    // MARK: How it came

    private mutating func tellArrival() {
        let customer = facts.customer
        guard let imported = facts.imported else {
            if !facts.changes.contains(where: { ["customer.create", "database.insert"].contains($0.action) }) {
                tell(customer.entered.begin, "客户在 CRM 中登记，没有更早的记录", "crm_customer \(customer.id)")
            }
            return
        }
        let who = imported.uploader.map { "用户 \($0)" } ?? "命令行"
        tell(
            imported.uploadedAt, "\(who)上传了导入批次 \(imported.id)", user: imported.uploadingSeller,
            "paidan.import_batch \(imported.id)")
        let stored = imported.storedAt ?? imported.uploadedAt
        if let row = imported.row {
            tell(stored, "由导入批次 \(imported.id) 的第 \(row) 行录入", "paidan.import_row \(imported.id)/\(row)")
        }
        if let chunk = imported.chunk, let first = facts.distributions.first?.slot?.at, first - stored > 60_000 {
            tell(
                stored, "录入后等待分配 \((first - stored) / 60_000) 分钟，其间没有轮到它的名额",
                "paidan.import_chunk \(imported.id)/\(chunk)")
        }
    }

    // MARK: Who had it

    private mutating func tellOwners() {
        for (index, distribution) in facts.distributions.enumerated() {
            let span = moments.spans[index]
            let source =
                (distribution.archived == nil ? "crm_customerdistribution " : "paidan.distribution_archive ")
                + "\(distribution.id)"
            if span.isLateDeal {
                tell(
                    span.began, "销售 \(distribution.user) 在期限过后补报成单（2）", user: distribution.user, source)
                continue
            }
            if let slot = distribution.slot {
                tell(
                    slot.at ?? span.began,
                    "第 \(slot.cycle) 轮第 \(slot.position) 个名额轮到销售 \(distribution.user)（策略 \(slot.strategy)）",
                    user: distribution.user, "paidan.assign_slot \(slot.cycle):\(slot.position)")
            }
            tell(
                span.began, "销售 \(distribution.user) 开始跟进（\(ExplainWords.origin(distribution.origin))）",
                user: distribution.user, source)
            if let day = distribution.ended, let at = span.ended {
                tell(at, ending(distribution, day), user: distribution.user, source)
            }
            if let archived = distribution.archived {
                tell(
                    archived.at, "这段归属已归档（\(archived.why == "undone" ? "导入撤销" : archived.why)）",
                    user: distribution.user, source)
            }
        }
    }

    private func ending(_ distribution: ExplainFacts.Distribution, _ day: ExplainFacts.Day) -> String {
        let who = "销售 \(distribution.user)"
        switch DistributionStatus(rawValue: distribution.status) {
        case .notFollowed: return "跟进期限在 \(day.text) 之前已满，\(who) 没有跟进，客户从 \(day.text) 起回到公海（3）"
        case .notSigned: return "成单期限在 \(day.text) 之前已满，\(who) 没有成单，客户从 \(day.text) 起回到公海（4）"
        default: break
        }
        let memo = distribution.memo.map { $0.isEmpty ? "" : "：\($0)" } ?? ""
        return "\(who) \(ExplainWords.end(distribution.status))（\(distribution.status)）\(memo)"
    }

    // MARK: What was done

    private mutating func tellChanges() {
        for change in facts.changes {
            tell(
                change.at, "\(ExplainWords.actor(change.actor))\(ExplainWords.change(change))",
                user: change.ownerAfter ?? change.subject ?? change.ownerBefore ?? change.seller,
                "paidan.audit_log \(change.id)")
        }
    }

    private mutating func tellWork() {
        for (note, moment) in zip(facts.notes, moments.notes) {
            let effect =
                switch (moment.isOwners, note.isVisible) {
                case (false, _): "，当时不是负责人，期限不变"
                case (true, false): "，内容空白，期限不变"
                case (true, true): "，跟进期限从 \(note.day.text) 重新计算"
                }
            tell(moment.at, "销售 \(note.user) 写了跟进记录\(effect)", user: note.user, "crm_consultrecord \(note.id)")
        }
        for payment in facts.payments {
            tell(
                payment.at, "登记缴费：\(ExplainWords.payment(payment.type))", user: payment.user,
                "crm_paymentrecord \(payment.id)")
        }
        if let student = facts.student {
            let at = moments.enrolled ?? student.day?.begin ?? facts.customer.now
            tell(at, "报名，建立学员档案", "crm_student \(student.id)")
        }
    }
}
