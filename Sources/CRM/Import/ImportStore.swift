public import Postgres

/// The tables of imports: `paidan.import_batch`, `import_file`, `import_row`, `import_chunk`.
///
/// One subject a file: `ImportStore+Upload`, `+Staging`, `+Checks`, `+Storing`, `+Finish`, `+Views`, `+Reconcile`.
public struct ImportStore: Sendable {
    public let pool: PostgresPool
    public let settings: ImportSettings
    let events: any EventPublisher

    public init(pool: PostgresPool, settings: ImportSettings = .init(), events: any EventPublisher = EventTable()) {
        self.pool = pool
        self.settings = settings
        self.events = events
    }
}

/// An import was asked for something that its state does not allow, or there is none.
public enum ImportRefusal: Error, Sendable, Equatable {
    case notFound
    /// 409; what the import's state is.
    case state(String)
    /// 410: the uploaded bytes were removed, so the error sheet cannot be made any more.
    case fileRemoved
}
