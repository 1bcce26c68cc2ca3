internal import JobsPostgres
public import Postgres

/// Writes events together with a delivery for each recipient and channel, and the jobs that send them.
///
/// All of it is one transaction with what the event tells of; an event whose `dedupe_key` is known adds nothing.
public struct DeliveryPublisher: EventPublisher {
    /// Messages to a group wait this long for company.
    static let groupWait = Duration.seconds(5)

    private let routes: @Sendable () -> NotificationRoutes

    /// - Parameter routes: read at each event, so that a reload of the configuration counts.
    public init(routes: @escaping @Sendable () -> NotificationRoutes) { self.routes = routes }

    public func publish(selecting events: SQL, in tx: inout Transaction) throws -> Set<String> {
        let added = try EventTable.add(events, in: &tx)
        let routes = routes()
        var group = Targets()
        var people: [Audience: Targets] = [:]
        for (id, type) in added {
            for route in routes.routes(of: type) {
                if route.speaksToGroup {
                    group.add(id, route.channel)
                } else {
                    people[Audience.of(event: type), default: Targets()].add(id, route.channel)
                }
            }
        }
        try deliver(group, to: "SELECT 'group'", after: Self.groupWait, in: &tx)
        for (audience, targets) in people.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            try deliver(targets, to: Self.recipients(audience), after: nil, in: &tx)
        }
        return Set(added.map(\.type))
    }

    private struct Targets {
        var events: [Int] = []
        var channels: [String] = []

        mutating func add(_ event: Int, _ channel: String) {
            events.append(event)
            channels.append(channel)
        }
    }

    /// Keys name rows, never addresses: `user:ID` is a `crm_userinfo`, `account:ID` an `rbac_user`.
    private static func recipients(_ audience: Audience) -> SQL {
        switch audience {
        case .seller: "SELECT 'user:' || (e.payload ->> 'user_id') WHERE e.payload ->> 'user_id' IS NOT NULL"
        case .uploader:
            "SELECT 'account:' || (e.payload ->> 'uploaded_by') WHERE e.payload ->> 'uploaded_by' IS NOT NULL"
        case .managers:
            """
            SELECT DISTINCT 'account:' || ur.user_id FROM rbac_user_roles ur
            JOIN rbac_user u ON u.id = ur.user_id AND u.is_active
            JOIN rbac_role_permissions rp ON rp.role_id = ur.role_id
            JOIN rbac_permission p ON p.id = rp.permission_id AND p.code = 'customer.all'
            """
        }
    }

    private func deliver(_ targets: Targets, to recipients: SQL, after wait: Duration?, in tx: inout Transaction) throws
    {
        guard !targets.events.isEmpty else { return }
        let rows = try tx.query(
            """
            INSERT INTO paidan.delivery (event_id, channel, recipient_key, expires_at)
            SELECT e.id, t.channel, r.key, paidan.now() + interval '\(raw: DeliveryStore.lifetime)'
            FROM unnest(\(targets.events)::bigint[], \(targets.channels)::text[]) t (event_id, channel)
            JOIN paidan.event e ON e.id = t.event_id
            CROSS JOIN LATERAL (\(recipients)) r (key)
            ON CONFLICT DO NOTHING RETURNING id
            """)
        try Outbox.append(try rows.map { NotifyJob.job(try $0.int(0), delay: wait) }, in: &tx)
    }
}
