/// Which event goes over which channels: `[notifications.EVENT]` of jobs.conf.
public struct NotificationRoutes: Sendable {
    public struct Route: Sendable, Equatable {
        /// Name of the channel in jobs.conf.
        public let channel: String
        /// A group robot speaks to a room, once an event; the others speak to each person concerned.
        public let speaksToGroup: Bool

        public init(channel: String, speaksToGroup: Bool) {
            self.channel = channel
            self.speaksToGroup = speaksToGroup
        }
    }

    let byEvent: [String: [Route]]

    /// Nobody is told anything.
    public static let none = NotificationRoutes([:])

    public init(_ byEvent: [String: [Route]]) { self.byEvent = byEvent }

    /// Managers hear of what is due where its owners do, unless jobs.conf says otherwise.
    func routes(of event: String) -> [Route] {
        byEvent[event] ?? (event == "escalated" ? byEvent["expiring"] : nil) ?? []
    }
}

/// Whom an event concerns.
enum Audience: String {
    /// The seller in the payload's `user_id`.
    case seller
    /// The account in the payload's `uploaded_by`.
    case uploader
    /// Every active account with the permission code `customer.all`.
    case managers

    /// Who is told of it.
    static func of(event type: String) -> Audience {
        switch type {
        case "import_finished": .uploader
        case "no_capacity", "offboard", "escalated": .managers
        default: .seller
        }
    }
}
