public import Logging
public import Postgres
public import ServiceLifecycle

/// Takes new and edited customers into the index of the search, beside whatever else is going on.
///
/// A search finds them before that too, by looking at each: an import does not wait for the index, and this takes no
/// more than a third of a processor's time. Of several processes one is at it.
public struct SearchIndexer: Service {
    private static let pause = Duration.seconds(2)
    /// Customers of one transaction.
    private static let batch = 2000

    private let pool: PostgresPool
    private let logger: Logger

    public init(pool: PostgresPool, logger: Logger) {
        self.pool = pool
        self.logger = logger
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let start = ContinuousClock.now
                var isDone = true
                do {
                    isDone = try await step() == nil
                } catch {
                    logger.debug("search index waits", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: isDone ? Self.pause : (.now - start) * 2)
            }
        }
    }

    /// One transaction.
    ///
    /// - Returns: customers taken in; nil if there was nothing to do.
    @discardableResult
    func step() async throws -> Int? {
        try await pool.query("SELECT paidan.search_catch_up(\(Self.batch)::int)")[0].optionalInt(0)
    }
}
