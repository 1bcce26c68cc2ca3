#if DEBUG
public import OwnerThread
internal import Postgres

extension Receipts {
    /// What a debug build does wrong with every receipt when it is told to, so that fault tests can be seen to fail.
    public enum Control: String, Sendable {
        /// The receipt is not written: every run counts as the first.
        case leftOut
        /// The receipt is committed before the effect, in a transaction of its own.
        case apart
    }

    /// Nil, unless the process was told otherwise at its start.
    public static let control = Lock<Control?>(nil)

    static var isLeftOut: Bool { control.withLock { $0 } == .leftOut }

    /// To be called when receipts are written.
    static func mayCommitApart(in tx: inout Transaction) throws {
        if control.withLock({ $0 }) == .apart { try tx.run(script: "COMMIT AND CHAIN") }
    }
}
#endif
