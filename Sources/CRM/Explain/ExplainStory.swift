/// Tells what the tables know of a customer, in the order of time. Pure.
struct ExplainStory: Sendable {
    let facts: ExplainFacts
    private(set) var told: [CustomerStory.Fact] = []
    /// When each ownership began and ended, where the tables know the moment or it follows from another.
    private var spans: [(began: Int, ended: Int?)] = []

    init(_ facts: ExplainFacts) { self.facts = facts }

    static func compose(_ facts: ExplainFacts) -> CustomerStory {
        var story = ExplainStory(facts)
        story.measure()
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

    /// A day's row is put behind what it followed from on that day.
    private mutating func measure() {
        var used: Set<Int> = []
        var floor = facts.imported?.storedAt ?? 0
        for distribution in facts.distributions {
            let began = moment(ofBegin: distribution, &used) ?? later(distribution.began, floor)
            floor = began
            var ended: Int?
            if let day = distribution.ended {
                ended = distribution.isExpired ? day.begin : moment(ofEnd: distribution, day) ?? later(day, floor)
                floor = max(floor, ended ?? 0)
            }
            spans.append((began, ended))
        }
    }

    private func later(_ day: ExplainFacts.Day, _ floor: Int) -> Int { day.holds(floor) ? floor : day.begin }

    private func moment(ofBegin distribution: ExplainFacts.Distribution, _ used: inout Set<Int>) -> Int? {
        if let at = distribution.slot?.at { return at }
        if distribution.origin == "import", let at = facts.imported?.storedAt, distribution.began.holds(at) {
            return at
        }
        let found = facts.changes.first { change in
            change.distribution == distribution.id && change.action == "database.insert"
                || change.distribution == nil && change.ownerAfter == distribution.user
                    && distribution.began.holds(change.at) && !used.contains(change.id)
        }
        guard let found else { return nil }
        used.insert(found.id)
        return found.at
    }

    private func moment(ofEnd distribution: ExplainFacts.Distribution, _ day: ExplainFacts.Day) -> Int? {
        facts.changes.first { change in
            day.holds(change.at) && change.action != "customer.expire"
                && (change.distribution == distribution.id && change.columns.contains("status")
                    || change.distribution == nil
                        && (change.ownerBefore == distribution.user
                            || distribution.status == 2 && change.columns.contains("status")))
        }?.at
    }

    private mutating func tellOwners() {
        for (index, distribution) in facts.distributions.enumerated() {
            let span = spans[index]
            let source =
                (distribution.archived == nil ? "crm_customerdistribution " : "paidan.distribution_archive ")
                + "\(distribution.id)"
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
                user: change.ownerAfter ?? change.ownerBefore ?? change.seller, "paidan.audit_log \(change.id)")
        }
    }

    private mutating func tellWork() {
        for note in facts.notes {
            let held = facts.distributions.indices.last { index in
                let distribution = facts.distributions[index]
                guard distribution.user == note.user, distribution.began.begin <= note.day.begin else { return false }
                guard let end = distribution.ended?.begin else { return true }
                return distribution.isExpired ? note.day.begin < end : note.day.begin <= end
            }
            let effect =
                switch (held, note.isVisible) {
                case (nil, _): "，当时不是负责人，期限不变"
                case (_, false): "，内容空白，期限不变"
                default: "，跟进期限从 \(note.day.text) 重新计算"
                }
            let audited = facts.changes.first {
                $0.action == "customer.follow_up" && note.day.holds($0.at) && $0.seller == note.user
            }
            let at = audited?.at ?? held.map { later(note.day, spans[$0].began) } ?? note.day.begin
            tell(at, "销售 \(note.user) 写了跟进记录\(effect)", user: note.user, "crm_consultrecord \(note.id)")
        }
        for payment in facts.payments {
            tell(
                payment.at, "登记缴费：\(ExplainWords.payment(payment.type))", user: payment.user,
                "crm_paymentrecord \(payment.id)")
        }
        if let student = facts.student {
            let last = facts.distributions.indices.last { facts.distributions[$0].status == 2 }
            let at = last.flatMap { spans[$0].ended } ?? student.day?.begin ?? facts.customer.now
            tell(at, "报名，建立学员档案", "crm_student \(student.id)")
        }
    }
}
