public import Postgres

/// Something that people may be told of.
public struct NewEvent: Sendable, Equatable {
    /// `assigned`, `import_finished`, `no_capacity` …
    public let type: String
    /// What it is about: `import:7`, `customer:12`.
    public let subject: String
    /// The same key is the same event: published once, whoever repeats it.
    public let dedupeKey: String
    /// A JSON object.
    public let payload: [UInt8]

    public init(type: String, subject: String, dedupeKey: String, payload: [UInt8]) {
        self.type = type
        self.subject = subject
        self.dedupeKey = dedupeKey
        self.payload = payload
    }
}

/// Puts events on record in the transaction that makes them true.
public protocol EventPublisher: Sendable {
    /// - Parameter events: a query of type, subject, dedupe key and payload (`jsonb`), as in ``NewEvent``.
    /// - Returns: types of those that were not known.
    @discardableResult
    func publish(selecting events: SQL, in tx: inout Transaction) throws -> Set<String>
}

extension EventPublisher {
    public func publish(_ events: [NewEvent], in tx: inout Transaction) throws {
        if events.isEmpty { return }
        try publish(
            selecting: """
                SELECT * FROM unnest(\(events.map(\.type))::text[], \(events.map(\.subject))::text[],
                    \(events.map(\.dedupeKey))::text[], \(utf8: events.map { .some($0.payload) })::jsonb[])
                """, in: &tx)
    }
}

/// Writes the events and nobody's deliveries.
public struct EventTable: EventPublisher {
    public init() {}

    public func publish(selecting events: SQL, in tx: inout Transaction) throws -> Set<String> {
        Set(try Self.add(events, in: &tx).map(\.type))
    }

    /// - Returns: those that were not known.
    static func add(_ events: SQL, in tx: inout Transaction) throws -> [(id: Int, type: String)] {
        try tx.query(
            """
            INSERT INTO paidan.event (type, subject, dedupe_key, payload) \(events)
            ON CONFLICT (dedupe_key) DO NOTHING RETURNING id, type
            """
        ).map { (try $0.int(0), try $0.text(1)) }
    }
}
