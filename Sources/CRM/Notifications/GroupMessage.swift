internal import Channels
internal import Postgres

/// One message to a group about the deliveries that wait for it.
struct GroupMessage: Sendable {
    let body: FrozenBody
    /// The deliveries that it names, each whole; the first carries it.
    let members: [DeliveryStore.Delivery]

    /// As many of `deliveries`, from the first on, as one message of the channel holds; at least one.
    static func fitting(
        _ deliveries: [DeliveryStore.Delivery], _ channel: any Channel, _ composer: MessageComposer,
        in tx: inout Transaction
    ) throws -> GroupMessage {
        var members = deliveries
        while true {
            let digest = composer.group(members, mentions: try RecipientStore.mentions(of: members, in: &tx))
            let body = channel.bodies(for: digest, to: .group)[0]
            let named = max(1, body.items.count)
            if named >= members.count { return GroupMessage(body: body, members: members) }
            members = Array(members.prefix(named))
        }
    }

    /// Stores the message with its first delivery and the others as merged into it.
    func keep(in tx: inout Transaction) throws {
        try DeliveryStore.freeze(members[0].id, body, in: &tx)
        try DeliveryStore.merge(members.dropFirst().map(\.id), into: members[0].id, in: &tx)
    }
}
