internal import Channels
internal import FoundationEssentials
internal import Postgres

/// Who stands behind a delivery's `recipient_key`.
enum RecipientStore {
    struct Found: Sendable {
        let recipient: Recipient
        /// Names of the channels that this person takes; nil is every one.
        let channels: [String]?
        /// Changes with the person's addresses: who was refused at an old one is written to at the new one.
        let addressKey: String

        static let group = Found(recipient: .group, channels: nil, addressKey: Recipient.group.key)
    }

    /// - Parameter key: `group`, `user:ID` (`crm_userinfo`) or `account:ID` (`rbac_user`).
    /// - Returns: nil if there is no such person, or he has left.
    static func find(_ key: String, in tx: inout Transaction) throws -> Found? {
        if key == Recipient.group.key { return .group }
        let parts = key.split(separator: ":")
        guard parts.count == 2, let id = Int(parts[1]) else { return nil }
        let condition: SQL = parts[0] == "user" ? "p.id = \(id) AND p.is_active" : "a.id = \(id) AND a.is_active"
        let rows = try tx.query(
            """
            SELECT name, email, mobile, wecom_userid, dingtalk_userid, channels,
                left(md5(concat_ws(' ', email, mobile, wecom_userid, dingtalk_userid)), 8)
            FROM (
                SELECT coalesce(p.name, a.username) AS name,
                    coalesce(nullif(c.email, ''), nullif(p.email, ''), nullif(a.email, '')) AS email, c.mobile,
                    c.wecom_userid, c.dingtalk_userid, c.channels
                FROM crm_userinfo p FULL JOIN rbac_user a ON a.id = p.auth_id
                LEFT JOIN paidan.contact c ON c.user_id = p.id
                WHERE \(condition)) AS found
            """)
        guard let row = rows.first else { return nil }
        let chosen = row.optionalUTF8(5).flatMap { try? JSONDecoder().decode([String].self, from: Data($0)) }
        return Found(
            recipient: Recipient(
                key: key, name: row.optionalText(0), email: row.optionalText(1), mobile: row.optionalText(2),
                wecomUserID: row.optionalText(3), dingtalkUserID: row.optionalText(4)),
            channels: chosen, addressKey: "\(key) \(try row.text(6))")
    }

    /// The sellers whom a group's message is about, as far as they can be alerted there.
    static func mentions(of deliveries: [DeliveryStore.Delivery], in tx: inout Transaction) throws -> [Digest.Mention] {
        let users = deliveries.filter { MessageComposer.isAboutNewOwner($0.type) }
            .compactMap { MessageComposer.payload($0).userID.map { Int($0) } }
        guard !users.isEmpty else { return [] }
        return try tx.query(
            """
            SELECT mobile, wecom_userid, dingtalk_userid FROM paidan.contact
            WHERE user_id = ANY(\(users)::bigint[]) AND (mobile, wecom_userid, dingtalk_userid) IS DISTINCT FROM
                (NULL::text, NULL::text, NULL::text)
            ORDER BY user_id
            """
        ).map {
            Digest.Mention(
                mobile: $0.optionalText(0), wecomUserID: $0.optionalText(1), dingtalkUserID: $0.optionalText(2))
        }
    }
}
