internal import Channels
internal import FoundationEssentials

/// Makes the digest that a message says, from the events it tells of. Pure.
struct MessageComposer: Sendable {
    /// What links start with; empty leaves them out.
    let publicURL: String

    /// What may stand in an event's payload.
    struct Payload: Decodable {
        struct Customer: Decodable {
            let name: String
            let qqLast4: String?

            private enum CodingKeys: String, CodingKey {
                case name
                case qqLast4 = "qq_last4"
            }
        }

        struct Counts: Decodable {
            let read: Int
            let ok: Int
            let duplicate: Int
            let error: Int
            let skipped: Int
            let assigned: Int
        }

        var importID: Int64?
        var userID: Int64?
        var count: Int?
        var firstExpiry: String?
        var customers: [Customer]?
        var state: String?
        var error: String?
        var counts: Counts?
        var waiting: Int?

        private enum CodingKeys: String, CodingKey {
            case importID = "import_id"
            case userID = "user_id"
            case count
            case firstExpiry = "first_expiry"
            case customers
            case state
            case error
            case counts
            case waiting
        }

        /// `2018-05-22` → `05-22`.
        var shortExpiry: String? { firstExpiry.map { String($0.dropFirst(5)) } }
        var customerCount: Int { count ?? customers?.count ?? 0 }
    }

    /// Of a payload that is not as expected, nothing: the message then says less, and holds up no other.
    static func payload(_ delivery: DeliveryStore.Delivery) -> Payload {
        (try? JSONDecoder().decode(Payload.self, from: Data(delivery.payload))) ?? Payload()
    }

    /// One message to one person about one event: a sentence, and the customers by name.
    func personal(_ delivery: DeliveryStore.Delivery) -> Digest {
        let payload = Self.payload(delivery)
        let items =
            Self.isAboutNewOwner(delivery.type)
            ? (payload.customers ?? []).map { customer in
                Digest.Item(
                    delivery: Int64(delivery.id), label: Self.label(delivery.type), subject: customer.name,
                    qq: customer.qqLast4)
            } : []
        return Digest(
            id: identity([delivery]), title: Self.title(delivery.type), headline: sentence(delivery, payload),
            items: items, link: link(payload), at: delivery.occurredAt)
    }

    /// One message to a group about several events, a line each.
    func group(_ deliveries: [DeliveryStore.Delivery], mentions: [Digest.Mention]) -> Digest {
        Digest(
            id: identity(deliveries), title: Self.title(deliveries[0].type), items: deliveries.map { line($0) },
            mentions: mentions, at: deliveries[0].occurredAt)
    }

    /// The line that names a delivery in a group's message.
    func line(_ delivery: DeliveryStore.Delivery) -> Digest.Item {
        let payload = Self.payload(delivery)
        let isAboutNewOwner = Self.isAboutNewOwner(delivery.type)
        if isAboutNewOwner, payload.importID == nil, let customer = payload.customers?.first {
            return Digest.Item(
                delivery: Int64(delivery.id), label: Self.label(delivery.type), subject: customer.name,
                qq: customer.qqLast4, target: delivery.seller, time: delivery.time)
        }
        return Digest.Item(
            delivery: Int64(delivery.id), label: Self.label(delivery.type), subject: sentence(delivery, payload),
            target: isAboutNewOwner ? delivery.seller : nil, time: delivery.time)
    }

    private func sentence(_ delivery: DeliveryStore.Delivery, _ payload: Payload) -> String {
        switch delivery.type {
        case "assigned":
            return DigestText.assigned(
                batch: payload.importID, firstExpiry: payload.shortExpiry,
                names: (payload.customers ?? []).map(\.name), count: payload.customerCount)
        case "grabbed", "transferred":
            return DigestText.customers(
                delivery.type == "grabbed" ? "您从公海领取" : "为您转入", firstExpiry: payload.shortExpiry,
                names: (payload.customers ?? []).map(\.name), count: payload.customerCount)
        case "import_finished": return importSentence(payload)
        case "no_capacity":
            return "有 \(payload.waiting ?? 0) 位客户等待分配已超过 30 分钟，目前没有可分配的销售。请检查份额、请假和上限。"
        case "offboard":
            return "\(delivery.seller ?? "一位销售")已离职，名下 \(payload.customerCount) 位客户正在重新分配。"
        default: return Self.title(delivery.type)
        }
    }

    private func importSentence(_ payload: Payload) -> String {
        let batch = payload.importID.map { "批次#\($0)" } ?? "导入"
        guard payload.state == "done" else {
            return "\(batch)未完成（\(payload.error ?? payload.state ?? "未知原因")），没有客户入库。"
        }
        guard let counts = payload.counts else { return "\(batch)已完成。" }
        return "\(batch)已完成：读取 \(counts.read) 行，入库 \(counts.ok)，重复 \(counts.duplicate)，错误 \(counts.error)，"
            + "跳过 \(counts.skipped)，已分配 \(counts.assigned)。"
    }

    private func link(_ payload: Payload) -> String? {
        guard !publicURL.isEmpty else { return nil }
        return payload.importID.map { "\(publicURL)/imports/\($0)" } ?? "\(publicURL)/customers"
    }

    /// The same deliveries make the same message, for good.
    private func identity(_ deliveries: [DeliveryStore.Delivery]) -> String {
        let first = deliveries[0]
        return "evt_\(first.event)|\(first.channel)|\(first.recipient)|\(first.part)"
    }

    /// It tells somebody of customers who are his now, by name.
    static func isAboutNewOwner(_ type: String) -> Bool { ["assigned", "grabbed", "transferred"].contains(type) }

    private static func title(_ type: String) -> String {
        switch type {
        case "assigned": "线索分配"
        case "grabbed": "公海领取"
        case "transferred": "客户转入"
        case "import_finished": "导入完成"
        case "no_capacity": "无人可分配"
        case "offboard": "离职回收"
        default: "通知"
        }
    }

    private static func label(_ type: String) -> String {
        switch type {
        case "assigned": "分配"
        case "grabbed": "领取"
        case "transferred": "转入"
        case "import_finished": "导入"
        case "no_capacity": "告警"
        case "offboard": "离职"
        default: "通知"
        }
    }
}
