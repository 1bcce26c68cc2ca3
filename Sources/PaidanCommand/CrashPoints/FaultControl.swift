#if DEBUG
import Foundation
import JobsPostgres
import OwnerThread

/// One guarantee that a debug build goes without, so that the chaos program can be seen to find it out:
/// `PAIDAN_CONTROL=no-receipt`, `receipt-apart` or `plain-pop`.
enum FaultControl: String, CaseIterable {
    /// A second run is not refused: effects are doubled.
    case noReceipt = "no-receipt"
    /// The receipt is committed before the effect: a crash in between loses the effect.
    case receiptApart = "receipt-apart"
    /// What is handed out is not remembered: a crash loses what was in flight.
    case plainPop = "plain-pop"

    static let variable = "PAIDAN_CONTROL"

    /// - Throws: `CommandFailure` for a name that is none of them.
    static func fromEnvironment() throws -> FaultControl? {
        guard let name = ProcessInfo.processInfo.environment[variable] else { return nil }
        guard let control = FaultControl(rawValue: name) else {
            throw CommandFailure.refused(
                "\(variable) is one of \(allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        return control
    }
}

extension Seams {
    /// What the environment asks for: a line to crash at, a guarantee to go without, kinds whose effects are counted.
    static func forFaultTests() throws -> Seams {
        let point = try CrashPoint.fromEnvironment()
        var seams = point?.seams ?? Seams()
        switch try FaultControl.fromEnvironment() {
        case .noReceipt: Receipts.control.withLock { $0 = .leftOut }
        case .receiptApart: Receipts.control.withLock { $0 = .apart }
        case .plainPop: seams.store = { FaultyJobStore(store: $0, point: point, forgetsClaims: true) }
        case nil: break
        }
        if let chaos = try ChaosKinds.fromEnvironment(point: point) { seams.kinds = chaos.kinds }
        return seams
    }
}
#endif
