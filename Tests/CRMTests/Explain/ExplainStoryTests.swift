import Testing

@testable import CRM

/// The composing of a story, without a database.
@Suite("Explain: the story")
struct ExplainStoryTests {
    private static let hour = 3_600_000
    private static let dayLength = 24 * hour

    /// May 2018, in a zone without an offset.
    private func day(_ day: Int) -> ExplainFacts.Day {
        let text = "2018-05-" + (day < 10 ? "0" : "") + "\(day)"
        return ExplainFacts.Day(text: text, begin: 1_525_132_800_000 + (day - 1) * Self.dayLength)
    }

    private func moment(_ day: Int, _ hours: Int) -> Int { self.day(day).begin + hours * Self.hour }

    private func customer(_ state: String, of owner: Int? = nil, on today: Int = 20) -> ExplainFacts.Customer {
        ExplainFacts.Customer(
            id: 9, state: state, consultant: owner, entered: day(1), now: moment(today, 12), today: day(today).text)
    }

    private func distribution(
        _ id: Int, _ user: Int, _ origin: String, _ status: Int = 1, from: Int, to: Int? = nil
    ) -> ExplainFacts.Distribution {
        ExplainFacts.Distribution(
            id: id, user: user, origin: origin, status: status, began: day(from), ended: to.map { day($0) }, memo: nil)
    }

    private func change(
        _ id: Int, _ at: Int, _ action: String, by actor: String, seller: Int? = nil, from before: Int? = nil,
        to after: Int? = nil
    ) -> ExplainFacts.Change {
        ExplainFacts.Change(
            id: id, at: at, actor: actor, seller: seller, action: action, distribution: nil, ownerBefore: before,
            ownerAfter: after, protectedUntil: nil, columns: ["consultant_id"])
    }

    private func sources(_ facts: ExplainFacts) -> [String] {
        ExplainStory.compose(facts).facts.map(\.source).filter { !$0.hasPrefix("paidan.setting") }
    }

    @Test("imported, given by a slot, followed up, lost, grabbed by another: each with its row, in the order of time")
    func wholeLife() {
        var facts = ExplainFacts(customer: customer("private", of: 8))
        facts.customer.followDue = "2018-05-23"
        facts.customer.dealDue = "2018-06-04"
        facts.customer.expires = "2018-05-24"
        facts.imported = .init(
            id: 3, row: 17, uploader: 5, uploadingSeller: nil, uploadedAt: moment(1, 8), chunk: 1,
            storedAt: moment(1, 9), isAssigned: true)
        var first = distribution(21, 7, "auto", 3, from: 1, to: 10)
        first.slot = .init(cycle: 4, position: 2, strategy: "laps", at: moment(1, 10))
        facts.distributions = [first, distribution(30, 8, "grab", from: 20)]
        facts.notes = [
            .init(id: 2, user: 7, day: day(1), isVisible: true), .init(id: 3, user: 7, day: day(6), isVisible: true),
            .init(id: 4, user: 6, day: day(7), isVisible: true),
        ]
        facts.changes = [
            change(70, moment(20, 2), "customer.expire", by: "job:pool.sweep", from: 7),
            change(71, moment(20, 11), "customer.grab", by: "user:12", seller: 8, to: 8),
        ]
        facts.rules.barred = [7]
        let story = ExplainStory.compose(facts)
        #expect(story.customer == 9 && story.state == "private")
        #expect(
            sources(facts) == [
                "paidan.import_batch 3", "paidan.import_row 3/17", "paidan.import_chunk 3/1", "paidan.assign_slot 4:2",
                "crm_customerdistribution 21", "crm_consultrecord 2", "crm_consultrecord 3", "crm_consultrecord 4",
                "crm_customerdistribution 21", "paidan.audit_log 70", "paidan.audit_log 71",
                "crm_customerdistribution 30", "crm_customer 9", "crm_customerdistribution 21",
            ])
        #expect(story.facts.map(\.at) == story.facts.map(\.at).sorted())
        let words = story.facts.map(\.what)
        #expect(words.contains("第 4 轮第 2 个名额轮到销售 7（策略 laps）"))
        #expect(words.contains("销售 7 写了跟进记录，跟进期限从 2018-05-06 重新计算"))
        #expect(words.contains("销售 6 写了跟进记录，当时不是负责人，期限不变"))
        #expect(words.contains("跟进期限在 2018-05-10 之前已满，销售 7 没有跟进，客户从 2018-05-10 起回到公海（3）"))
        #expect(words.contains("用户 12从公海抢入客户"))
        #expect(words.contains("销售 7 不能再抢这位客户：超过跟进期限；规则是曾经失去过的人不能再抢"))
        // The grab's row knows only its day: it stands at the moment of the grab.
        #expect(story.facts.first { $0.source == "crm_customerdistribution 30" }?.at == moment(20, 11))
        // An expiry happens at midnight, whenever it was noticed.
        #expect(story.facts.contains { $0.source == "crm_customerdistribution 21" && $0.at == day(10).begin })
    }

    @Test("an overdue row that no sweep has met reads public, and says so")
    func unswept() {
        var facts = ExplainFacts(customer: customer("public", of: 7))
        facts.customer.lost = (day(17), 4)
        facts.distributions = [distribution(21, 7, "crm", from: 1)]
        facts.rules.barred = [7]
        let story = ExplainStory.compose(facts)
        let fact = story.facts.first { $0.at == day(17).begin }
        #expect(fact?.what == "成单期限在 2018-05-17 之前已满，还没有清理到；从 2018-05-17 起已在公海（4）")
        #expect(fact?.source == "crm_customer 9" && fact?.user == 7)
        // He has lost it, though his row is still open.
        #expect(story.facts.contains { $0.what.hasPrefix("销售 7 不能再抢") && $0.source == "crm_customerdistribution 21" })
    }

    @Test(
        "why a pending customer waits",
        arguments: [
            (ExplainFacts.Wait.onItsWay, "等待分配：有销售可以接手，分配任务还没有轮到它", "crm_customer 9"),
            (.noShares, "等待分配：没有任何销售有份额", "paidan.setting rank_version"),
            (.noCapacity([7: .leave]), "销售 7 现在不能接手：请假", "paidan.absence of user 7"),
            (.noCapacity([7: .holdingCap]), "销售 7 现在不能接手：达到持有上限", "paidan.rank_limit 7"),
            (.barred([7]), "销售 7 不能再得到这位客户", "crm_customerdistribution 21"),
        ] as [(ExplainFacts.Wait, String, String)])
    func waits(_ wait: ExplainFacts.Wait, _ what: String, _ source: String) {
        var facts = ExplainFacts(customer: customer("pending"))
        facts.distributions = [distribution(21, 7, "auto", 3, from: 1, to: 5)]
        facts.wait = wait
        #expect(ExplainStory.compose(facts).facts.contains { $0.what == what && $0.source == source })
    }

    @Test(
        "ends by people: who, when, in which words",
        arguments: [
            (5, "被转出"), (6, "主动退回公海"), (8, "离职回收"), (2, "成单"), (7, "导入撤销"),
        ])
    func ends(_ status: Int, _ words: String) {
        var facts = ExplainFacts(customer: customer("public"))
        var gone = distribution(21, 7, "manual", status, from: 3, to: 3)
        if status == 7 { gone.archived = (moment(3, 20), "undone") }
        facts.distributions = [gone]
        facts.changes = [
            change(1, moment(3, 9), "customer.transfer", by: "user:2", to: 7),
            change(2, moment(3, 15), "customer.other", by: "user:4", from: 7),
        ]
        let story = ExplainStory.compose(facts)
        let end = story.facts.first { $0.what.contains(words) && $0.user == 7 }
        #expect(end?.at == moment(3, 15))
        #expect(story.facts.first { $0.what.contains("开始跟进") }?.at == moment(3, 9))
        #expect(story.facts.contains { $0.what == "用户 2转移客户给销售 7" && $0.source == "paidan.audit_log 1" })
        #expect((status == 7) == story.facts.contains { $0.source == "paidan.distribution_archive 21" })
    }

    @Test("with the rule of the last owner, the rule in force is told, and only whom it bars")
    func lastOwner() {
        var facts = ExplainFacts(customer: customer("public"))
        facts.customer.poolSince = day(12)
        facts.distributions = [
            distribution(1, 5, "auto", 3, from: 1, to: 5), distribution(2, 6, "grab", 6, from: 6, to: 12),
        ]
        facts.rules.formerOwner = "last_owner"
        facts.rules.cooldownDays = 30
        facts.rules.barred = [6]
        let words = ExplainStory.compose(facts).facts.map(\.what)
        #expect(words.contains { $0.hasPrefix("销售 6 不能再抢") && $0.contains("30 天内") })
        #expect(!words.contains { $0.hasPrefix("销售 5 不能再抢") })
        #expect(words.contains("从 2018-05-12 起在公海"))
    }

    @Test("without ids: a create ends nothing, and each change serves one row, in order")
    func withoutNames() {
        var facts = ExplainFacts(customer: customer("private", of: 7))
        facts.distributions = [
            distribution(1, 7, "self", 2, from: 3, to: 3), distribution(2, 8, "manual", 5, from: 3, to: 3),
            distribution(3, 7, "manual", 2, from: 3, to: 3), distribution(4, 8, "manual", from: 3),
        ]
        facts.student = .init(id: 1, day: day(3))
        func closed(_ id: Int, _ hour: Int) -> ExplainFacts.Change {
            ExplainFacts.Change(
                id: id, at: moment(3, hour), actor: "user:12", seller: 7, action: "customer.deal", distribution: nil,
                ownerBefore: nil, ownerAfter: nil, protectedUntil: nil, columns: ["status"], subject: 7, closes: true)
        }
        facts.changes = [
            change(1, moment(3, 8), "customer.create", by: "user:12", seller: 7, to: 7), closed(2, 9),
            change(3, moment(3, 10), "customer.reopen", by: "user:2", from: 7, to: 8),
            change(4, moment(3, 11), "customer.transfer", by: "user:2", from: 8, to: 7), closed(5, 12),
            change(6, moment(3, 13), "customer.reopen", by: "user:2", from: 7, to: 8),
        ]
        let spans = ExplainMoments(facts).spans
        #expect(spans.map(\.began) == [8, 10, 11, 13].map { moment(3, $0) })
        #expect(spans.map(\.ended) == [moment(3, 9), moment(3, 11), moment(3, 12), nil])
        #expect(ExplainMoments(facts).enrolled == moment(3, 9))
    }

    @Test("a customer of whom nothing is known but its row")
    func bare() {
        let facts = ExplainFacts(customer: customer("pending"))
        #expect(sources(facts) == ["crm_customer 9", "crm_customer 9"])
    }
}
