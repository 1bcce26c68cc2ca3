/// What one or several deliveries to the same audience say, before it is put into a provider's form.
public struct Digest: Sendable, Equatable {
    /// One thing that happened to one customer, or one sentence about a batch.
    public struct Item: Sendable, Equatable {
        /// The delivery this item belongs to; several items may share one.
        public var delivery: Int64
        /// What happened: 分配, 到期, 导入.
        public var label: String
        /// The customer's name, or a sentence.
        public var subject: String
        /// The last 4 characters of the customer's QQ, whatever was given. Nothing else of it may leave.
        public let qqTail: String?
        /// The seller.
        public var target: String?
        /// Like `09:31`.
        public var time: String?

        public init(
            delivery: Int64, label: String, subject: String, qq: String? = nil, target: String? = nil,
            time: String? = nil
        ) {
            self.delivery = delivery
            self.label = label
            self.subject = subject
            qqTail = qq.map { String($0.suffix(4)) }
            self.target = target
            self.time = time
        }
    }

    /// Somebody to be alerted, by what the channel can use.
    public struct Mention: Sendable, Hashable {
        public var mobile: String?
        public var wecomUserID: String?
        public var dingtalkUserID: String?

        public init(mobile: String? = nil, wecomUserID: String? = nil, dingtalkUserID: String? = nil) {
            self.mobile = mobile
            self.wecomUserID = wecomUserID
            self.dingtalkUserID = dingtalkUserID
        }
    }

    /// Names the message for good, like `evt_1|mail|user:42|0`: the Message-ID of a mail is made of it.
    public var id: String
    /// 线索分配
    public var title: String
    /// The one line of a person's digest, see ``DigestText/assigned(batch:firstExpiry:names:)``.
    public var headline: String?
    public var items: [Item]
    /// Where all of it can be seen.
    public var link: String?
    public var mentions: [Mention]
    /// When it was made, in ms since 1970: the Date of a mail.
    public var at: Int64

    public init(
        id: String, title: String, headline: String? = nil, items: [Item], link: String? = nil,
        mentions: [Mention] = [], at: Int64
    ) {
        self.id = id
        self.title = title
        self.headline = headline
        self.items = items
        self.link = link
        self.mentions = mentions
        self.at = at
    }
}

/// The sentences of digests, in plain text; each channel escapes what people typed.
public enum DigestText {
    /// `批次#12：为您分配 7 位客户，最近到期 05-22：张三、李四…（共7）`; names over the first 2 are counted only.
    ///
    /// - Parameter count: customers in all, where not every one is named; nil is the number of names.
    public static func assigned(batch: Int64?, firstExpiry: String?, names: [String], count: Int? = nil) -> String {
        let source = batch.map { "批次#\($0)：" } ?? ""
        return customers("\(source)为您分配", firstExpiry: firstExpiry, names: names, count: count)
    }

    /// `您从公海领取 1 位客户，最近到期 05-22：张三`; names over the first 2 are counted only.
    ///
    /// - Parameters:
    ///   - what: what happened, up to the number.
    ///   - count: customers in all, where not every one is named; nil is the number of names.
    public static func customers(
        _ what: String, firstExpiry: String?, names: [String], count: Int? = nil
    ) -> String {
        let expiry = firstExpiry.map { "，最近到期 \($0)" } ?? ""
        let shown = names.prefix(2).map { Escape.line($0) }.joined(separator: "、")
        let count = count ?? names.count
        let more = count > 2 ? "…（共\(count)）" : ""
        return "\(what) \(count) 位客户\(expiry)：\(shown)\(more)"
    }

    /// `线索分配（共 37 条）`, and which of several messages it is.
    static func header(_ digest: Digest, part: Int, of parts: Int, _ escape: (String) -> String) -> String {
        let total = digest.items.isEmpty ? "" : "共 \(digest.items.count) 条"
        let position = parts > 1 ? "\(total.isEmpty ? "" : "，")第 \(part)/\(parts) 则" : ""
        return escape(digest.title) + (total.isEmpty && position.isEmpty ? "" : "（\(total)\(position)）")
    }

    /// `1. 【分配】示例客户 → 张三（09:31）`
    static func line(_ number: Int, _ item: Digest.Item, _ escape: (String) -> String) -> String {
        let qq = item.qqTail.map { "（QQ尾号\(escape($0))）" } ?? ""
        let target = item.target.map { " → \(escape($0))" } ?? ""
        let time = item.time.map { "（\(escape($0))）" } ?? ""
        return "\(number). 【\(escape(item.label))】\(escape(item.subject))\(qq)\(target)\(time)"
    }
}
