public import Logging
internal import OwnerThread

/// What a handler may use while it runs.
public struct JobContext: Sendable {
    /// Carries the job's id, kind and attempt (of a batch: its kind and size).
    public let logger: Logger
    let board: ProgressBoard
    let claims: [Claim]
    let permit: Permit
    let checkpoint: @Sendable (Claim) async -> Void

    typealias Permit =
        @Sendable (_ queue: String, _ key: String, Rate) async throws(StoreError) -> Duration?

    init(
        logger: Logger, board: ProgressBoard, claims: [Claim],
        permit: @escaping Permit = { _, _, _ throws(StoreError) in nil },
        checkpoint: @escaping @Sendable (Claim) async -> Void
    ) {
        self.logger = logger
        self.board = board
        self.claims = claims
        self.permit = permit
        self.checkpoint = checkpoint
    }

    /// A context that writes nothing, for tests of handlers.
    public static func detached(logger: Logger) -> JobContext {
        JobContext(logger: logger, board: ProgressBoard(), claims: [], checkpoint: { _ in })
    }

    /// Asks for one more of something that may happen only so often, in all processes together, such as messages over
    /// a channel; it is noted if it may.
    ///
    /// The window slides and is kept per queue and key in the queue's store: there are never more than `limit` within
    /// any `window`.
    ///
    /// - Returns: `nil` if it may happen now; else what the handler shall answer for the claim: wait until the window
    ///   frees, the attempt not spent.
    /// - Throws: ``StoreError`` when the store is away; to be let through, it is nobody's fault.
    public func permit(
        _ key: String, limit: Int, per window: Duration, of claim: Claim? = nil
    ) async throws(StoreError) -> Outcome? {
        guard let claim = claim ?? claims.first else { return nil }
        return try await permit(claim.queue, key, Rate(limit, per: window)).map { .snooze(for: $0) }
    }

    /// Notes how far the job is; the newest value is written at most 4 times a second, the last when the run
    /// ends.
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

/// The newest progress of each running job that reported some.
final class ProgressBoard: Sendable {
    typealias Report = (claim: Claim, progress: JobView.Progress)

    private let state = Lock([String: (report: Report, isNew: Bool)]())

    func put(_ claim: Claim, _ progress: JobView.Progress) {
        state.withLock { $0[claim.id] = ((claim, progress), true) }
    }

    /// Jobs that reported something since the last call.
    func news() -> [Claim] {
        state.withLock { state in
            let news = state.values.filter(\.isNew).map(\.report.claim)
            for claim in news { state[claim.id]?.isNew = false }
            return news
        }
    }

    /// Nothing once the job has ended: what it reported last is written by then.
    func newest(of claim: Claim) -> Report? { state.withLock { $0[claim.id]?.report } }

    /// What jobs that end reported last, also if it was among the news: that may not have been written yet.
    func takeLast(of claims: [Claim]) -> [Report] {
        state.withLock { state in
            state.isEmpty ? [] : claims.compactMap { state.removeValue(forKey: $0.id)?.report }
        }
    }
}

extension JobContext {
    /// The same for one claim of a batch.
    func only(_ claim: Claim) -> JobContext {
        JobContext(logger: logger, board: board, claims: [claim], permit: permit, checkpoint: checkpoint)
    }
}
