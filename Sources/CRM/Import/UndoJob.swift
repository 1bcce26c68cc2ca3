public import Jobs
internal import JobsPostgres

/// `import.undo`: takes an import's untouched customers back, and their slots.
public struct UndoJob: Sendable {
    static let kindName = "import.undo"

    private let store: ImportStore
    private let slotsFreed: @Sendable () async throws -> Void

    /// - Parameter slotsFreed: called after slots became free again: the seller list is to be loaded anew.
    public init(store: ImportStore, slotsFreed: @escaping @Sendable () async throws -> Void = {}) {
        self.store = store
        self.slotsFreed = slotsFreed
    }

    /// What the worker runs.
    public var kind: Kind {
        Kind.single(
            Self.kindName, queue: "bulk", timeout: .seconds(3600), hasEffect: true, arguments: ImportJob.Arguments.self
        ) { claim, arguments, context in
            let importID = arguments.importID
            switch try await store.undoGround(importID) {
            case .open: break
            // What this job has to say is the same.
            case .undone: return .done(result: try await store.finishUndo(importID, jobID: claim.id).json)
            case .refused(let code, let message): return .dead(code: code, message: message)
            }
            // Customers who referred others of the same import can go once those have gone.
            var removed: Int
            repeat {
                removed = 0
                var after = 0
                while true {
                    try Task.checkCancellation()
                    let chunk = try await store.undoChunk(importID, after: after)
                    guard let last = chunk.last else { break }
                    removed += chunk.removed
                    after = last
                    await context.checkpointed()
                }
            } while removed > 0
            let result = try await store.finishUndo(importID, jobID: claim.id)
            try await slotsFreed()
            return .done(result: result.json)
        }
    }

    static func job(_ importID: Int, traceparent: String? = nil) -> OutboxJob {
        OutboxJob(
            kind: kindName, args: Array("{\"import_id\":\(importID)}".utf8), queue: "bulk", traceparent: traceparent)
    }
}
