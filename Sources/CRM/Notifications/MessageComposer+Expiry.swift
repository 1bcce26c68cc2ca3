extension MessageComposer.Payload {
    /// A seller whom managers hear of.
    struct Seller: Decodable {
        let name: String
        let count: Int
        let isAway: Bool

        private enum CodingKeys: String, CodingKey {
            case name
            case count
            case isAway = "is_away"
        }
    }
}

/// What is said of customers whose time ends.
extension MessageComposer {
    /// Sellers named to a manager in one sentence.
    private static let namedSellers = 10

    static func expirySentence(_ type: String, _ payload: Payload) -> String {
        switch type {
        case "expired":
            "您有 \(payload.customerCount) 位客户已回到公海（未跟进 \(payload.follow ?? 0)，未成单 \(payload.deal ?? 0)）："
                + names(payload)
        case "escalated":
            "今天到期、尚未跟进的客户有 \(payload.customerCount) 位（待跟进 \(payload.follow ?? 0)，"
                + "待成单 \(payload.deal ?? 0)）：" + sellers(payload)
        default:
            expiring(payload) + "（待跟进 \(payload.follow ?? 0)，待成单 \(payload.deal ?? 0)）：" + names(payload)
        }
    }

    private static func expiring(_ payload: Payload) -> String {
        let count = payload.customerCount
        let today = payload.today ?? count
        if today == count { return "今天是 \(count) 位客户的最后一天" }
        let rest = "\(count) 位客户即将到期，最近 \(payload.shortExpiry ?? "今天")"
        return today == 0 ? rest : rest + "，其中 \(today) 位今天是最后一天"
    }

    /// `张三、李四…（共7）`
    private static func names(_ payload: Payload) -> String {
        let count = payload.customerCount
        return (payload.customers ?? []).prefix(2).map(\.name).joined(separator: "、")
            + (count > 2 ? "…（共\(count)）" : "")
    }

    /// `李一 5、王二 3（请假）…（共 12 人）`
    private static func sellers(_ payload: Payload) -> String {
        let sellers = payload.sellers ?? []
        let count = payload.sellerCount ?? sellers.count
        let shown = sellers.prefix(namedSellers).map { seller in
            "\(seller.name) \(seller.count)" + (seller.isAway ? "（请假）" : "")
        }
        return shown.joined(separator: "、") + (count > shown.count ? "…（共 \(count) 人）" : "")
    }
}
