public import Logging
internal import OwnerThread

/// What a handler may use while it runs.
public struct JobContext: Sendable {
    /// Carries the job's id, kind and attempt (of a batch: its kind and size).
    public let logger: Logger
    let board: ProgressBoard
    let claims: [Claim]
    let checkpoint: @Sendable (Claim) async -> Void

    init(
        logger: Logger, board: ProgressBoard, claims: [Claim], checkpoint: @escaping @Sendable (Claim) async -> Void
    ) {
        self.logger = logger
        self.board = board
        self.claims = claims
        self.checkpoint = checkpoint
    }

    /// A context that writes nothing, for tests of handlers.
    public static func detached(logger: Logger) -> JobContext {
        JobContext(logger: logger, board: ProgressBoard(), claims: [], checkpoint: { _ in })
    }

    /// Notes how far the job is; the newest value is written at most 4 times a second.
    ///
    /// - Parameter claim: of a batch, which one; `nil` is the only one.
    public func progress(done: Int, total: Int, of claim: Claim? = nil) {
        guard let claim = claim ?? claims.first else { return }
        board.put(claim, .init(done: done, total: total))
    }

    /// To be called after a commit that moved the job's checkpoint: only crashes without progress in between condemn it.
    public func checkpointed(_ claim: Claim? = nil) async {
        if let claim = claim ?? claims.first { await checkpoint(claim) }
    }
}

/// The newest progress of each job that reported some since the last look.
final class ProgressBoard: Sendable {
    private let state = Lock([String: (claim: Claim, progress: JobView.Progress)]())

    func put(_ claim: Claim, _ progress: JobView.Progress) {
        state.withLock { $0[claim.id] = (claim, progress) }
    }

    func takeAll() -> [(claim: Claim, progress: JobView.Progress)] {
        state.withLock { state in
            if state.isEmpty { return [] }
            defer { state = [:] }
            return Array(state.values)
        }
    }
}

extension JobContext {
    /// The same for one claim of a batch.
    func only(_ claim: Claim) -> JobContext {
        JobContext(logger: logger, board: board, claims: [claim], checkpoint: checkpoint)
    }
}
