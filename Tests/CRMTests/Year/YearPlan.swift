import Foundation

/// How large the simulated year is.
struct YearPlan: Sendable {
    var seed: UInt64
    var sellers: Int
    /// Customers who come in all.
    var customers: Int
    var days: Int
    /// Actions of people and pages in one day.
    var actions: Int
    /// Chance in percent that a night has its sweep.
    var sweeps: Int
    /// Days between looks at the invariants.
    var look: Int
    /// Actions under way at the same time.
    var width: Int

    /// Across the end of the year and a leap day, in seconds.
    static let short = YearPlan(
        seed: 20_240_229, sellers: 12, customers: 600, days: 75, actions: 36, sweeps: 60, look: 15, width: 3)
    static let full = YearPlan(
        seed: 20_240_229, sellers: 220, customers: 50_000, days: 366, actions: 600, sweeps: 60, look: 20, width: 4)

    /// The full one with `YEAR_TEST=full` in the environment.
    static var chosen: YearPlan { ProcessInfo.processInfo.environment["YEAR_TEST"] == "full" ? full : short }

    /// The first day; the year has a leap day in it.
    static let start = "2023-12-20"

    var customersPerDay: Int { (customers + days - 1) / days }
}

/// What people and pages of the CRM do, and how often beside one another.
enum YearAction: CaseIterable, Sendable {
    case followUp, strangerNote, managerNote, grab, release, transfer, toPool, deal, lateDeal, reopen, protect, pay
    case pageNote, pageStaleSave, pageGrab, pageDeal, pageReassign, pageCreate, pageRelease, pageStatusTwice

    var weight: Int {
        switch self {
        case .followUp: 40
        case .grab: 18
        case .pageNote: 8
        case .deal, .release, .transfer, .pay, .pageStaleSave: 3
        default: 2
        }
    }

    static func random(_ random: inout SeededRandom) -> YearAction {
        var place = Int.random(in: 0..<allCases.reduce(0) { $0 + $1.weight }, using: &random)
        for action in allCases {
            place -= action.weight
            if place < 0 { return action }
        }
        return .followUp
    }
}
