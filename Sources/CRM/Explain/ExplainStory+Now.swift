extension ExplainStory {
    /// What holds today, after all that happened.
    mutating func tellNow() {
        let customer = facts.customer
        let row = "crm_customer \(customer.id)"
        if let lost = customer.lost {
            tell(
                lost.day.begin,
                "\(lost.status == 4 ? "成单" : "跟进")期限在 \(lost.day.text) 之前已满，还没有清理到；"
                    + "从 \(lost.day.text) 起已在公海（\(lost.status)）",
                user: customer.consultant, row)
        }
        switch customer.state {
        case "private": tellPrivate(row)
        case "public":
            if customer.lost == nil, let since = customer.poolSince {
                tell(customer.now, "从 \(since.text) 起在公海", row)
            }
        case "closed": tell(customer.now, "已报名", user: customer.consultant, row)
        default: tellWait(row)
        }
        tellBarred()
        tellRules()
    }

    private mutating func tellPrivate(_ row: String) {
        let customer = facts.customer
        guard let owner = customer.consultant, let follow = customer.followDue, let deal = customer.dealDue,
            let expires = customer.expires
        else { return }
        tell(
            customer.now, "归销售 \(owner)：跟进期限 \(follow)，成单期限 \(deal)，最早从 \(expires) 起不再私有", user: owner, row)
        if let until = customer.protectedUntil, until >= customer.today {
            tell(customer.now, "受保护到 \(until)，其间不过期", user: owner, row)
        }
    }

    private mutating func tellWait(_ row: String) {
        let now = facts.customer.now
        switch facts.wait {
        case nil: tell(now, "等待分配", row)
        case .onItsWay: tell(now, "等待分配：有销售可以接手，分配任务还没有轮到它", row)
        case .noShares: tell(now, "等待分配：没有任何销售有份额", "paidan.setting rank_version")
        case .noCapacity(let reasons):
            tell(now, "等待分配：现在没有销售可以接手", row)
            for (user, reason) in reasons.sorted(by: { $0.key < $1.key }) {
                tell(now, "销售 \(user) 现在不能接手：\(ExplainWords.refusal(reason))", user: user, source(user, reason))
            }
        case .barred(let users):
            tell(now, "等待分配：能接手的销售都曾失去过这位客户", row)
            for user in users {
                guard let lost = facts.distributions.last(where: { $0.user == user && bars($0) }) else { continue }
                tell(now, "销售 \(user) 不能再得到这位客户", user: user, "crm_customerdistribution \(lost.id)")
            }
        }
    }

    private func source(_ user: Int, _ reason: VoidReason) -> String {
        switch reason {
        case .left, .undone: "crm_userinfo \(user)"
        case .num: "crm_salerank of user \(user)"
        case .leave: "paidan.absence of user \(user)"
        case .dailyCap, .holdingCap: "paidan.rank_limit \(user)"
        }
    }

    private func bars(_ distribution: ExplainFacts.Distribution) -> Bool {
        distribution.archived == nil && (DistributionStatus(rawValue: distribution.status)?.bars ?? false)
    }

    /// Who may not have it again.
    private mutating func tellBarred() {
        let customer = facts.customer
        if customer.state == "closed" { return }
        let mode =
            facts.rules.formerOwner == "last_owner"
            ? "上一位负责人" + (facts.rules.cooldownDays > 0 ? " \(facts.rules.cooldownDays) 天内" : "") + "不能再抢"
            : "曾经失去过的人不能再抢"
        var named: Set<Int> = []
        for distribution in facts.distributions.reversed() {
            let isLost =
                customer.lost != nil && distribution.status == 1 && distribution.user == customer.consultant
            guard isLost || bars(distribution), facts.rules.barred.contains(distribution.user),
                named.insert(distribution.user).inserted
            else { continue }
            let why = isLost ? "已过期" : ExplainWords.end(distribution.status)
            tell(
                customer.now, "销售 \(distribution.user) 不能再抢这位客户：\(why)；规则是\(mode)",
                user: distribution.user, "crm_customerdistribution \(distribution.id)")
        }
    }

    private mutating func tellRules() {
        let now = facts.customer.now
        let days = facts.rules.isWorkday ? "个工作日" : "天"
        tell(now, "现行规则：最后一次跟进后 \(facts.rules.followUpDays) \(days)内要再跟进", "paidan.setting follow_up_days")
        tell(now, "现行规则：接手后 \(facts.rules.dealDays) \(days)内要成单", "paidan.setting deal_days")
        if facts.rules.formerOwner == "last_owner" {
            tell(now, "现行规则：只有上一位负责人不能再抢", "paidan.setting former_owner")
            if facts.rules.cooldownDays > 0 {
                tell(now, "现行规则：他在 \(facts.rules.cooldownDays) 天后可以再抢", "paidan.setting cooldown_days")
            }
        } else {
            tell(now, "现行规则：曾经失去过客户的人不能再抢", "paidan.setting former_owner")
        }
    }
}
