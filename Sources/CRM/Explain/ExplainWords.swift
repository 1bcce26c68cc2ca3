/// How the story says things.
enum ExplainWords {
    static func origin(_ origin: String) -> String {
        switch DistributionOrigin(rawValue: origin) {
        case .auto: "自动分配"
        case .own: "自己录入"
        case .grab: "从公海抢入"
        case .manual: "由主管指定"
        case .crm: "在 CRM 页面中登记"
        case .import: "导入表中指定"
        case nil: origin
        }
    }

    /// How an ownership ended; expiry has sentences of its own.
    static func end(_ status: Int) -> String {
        switch DistributionStatus(rawValue: status) {
        case .deal: "成单，跟进结束"
        case .movedOut: "被转出"
        case .released: "主动退回公海"
        case .undone: "因导入撤销而结束"
        case .left: "离职回收，客户等待重新分配"
        case .notFollowed: "超过跟进期限"
        case .notSigned: "超过成单期限"
        case .open, nil: "结束（状态 \(status)）"
        }
    }

    static func payment(_ type: Int) -> String {
        switch type {
        case 1: "订金/报名费"
        case 2: "学费"
        case 3: "转班"
        case 4: "退学"
        case 5: "退款"
        default: "类型 \(type)"
        }
    }

    static func refusal(_ reason: VoidReason) -> String {
        switch reason {
        case .left: "已离职或不在销售部"
        case .num: "份额为 0"
        case .leave: "请假"
        case .dailyCap: "达到当日上限"
        case .holdingCap: "达到持有上限"
        case .undone: "导入撤销"
        }
    }

    /// Who an actor of the audit log is.
    static func actor(_ actor: String) -> String {
        let parts = actor.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return actor == "command line" ? "命令行" : actor }
        return switch parts[0] {
        case "user": "用户 \(parts[1])"
        case "job": "任务 \(parts[1])"
        case "database": "数据库角色 \(parts[1])"
        default: actor
        }
    }

    /// What an audited change did.
    static func change(_ change: ExplainFacts.Change) -> String {
        let columns = change.columns.joined(separator: "、")
        let parts = change.action.split(separator: ".").map(String.init)
        switch change.action {
        case "customer.create": return "录入客户"
        case "customer.grab": return "从公海抢入客户"
        case "customer.release": return "把客户退回公海"
        case "customer.transfer":
            return "转移客户" + (change.ownerAfter.map { "给销售 \($0)" } ?? "")
        case "customer.deal": return "报成单"
        case "customer.late_deal": return "补报成单"
        case "customer.reopen": return "重新打开客户" + ((change.ownerAfter ?? change.subject).map { "，交给销售 \($0)" } ?? "")
        case "customer.protect":
            return change.protectedUntil.map { "保护客户到 \($0)" } ?? "取消保护"
        case "customer.to_pool": return "把客户放入公海"
        case "customer.expire": return "发现客户已过期并记录"
        case "customer.offboard": return "因离职收回客户"
        case "customer.follow_up": return "写跟进记录"
        case "customer.pay": return "登记缴费"
        case "customer.edit": return columns.isEmpty ? "修改客户资料" : "修改客户资料：\(columns)"
        default: break
        }
        switch parts.first {
        case "mend": return "对账修正（\(parts.last ?? "")）：\(columns)"
        case "database" where change.distribution != nil:
            return "直接\(verb(parts))归属记录 \(change.distribution ?? 0)：\(columns)"
        case "database": return "直接\(verb(parts))客户资料：\(columns)"
        case "note": return "\(verb(parts))跟进记录"
        case "payment": return "\(verb(parts))缴费记录"
        case "student": return "\(verb(parts))学员档案"
        case "course": return "\(verb(parts))咨询课程"
        default: return columns.isEmpty ? "变更（\(change.action)）" : "变更（\(change.action)）：\(columns)"
        }
    }

    private static func verb(_ parts: [String]) -> String {
        switch parts.last {
        case "insert": "新增"
        case "delete": "删除"
        default: "修改"
        }
    }
}
