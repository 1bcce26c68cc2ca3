import ArgumentParser
import CRM
import Jobs
import JobsPostgres
import Postgres
import Redis
import Spreadsheet
import SystemPackage

/// Why a command did not do what it was asked, and with which code it exits.
struct CommandFailure: Error {
    let code: ExitCode
    let message: String

    /// The command ran and failed: 1.
    static func failed(_ message: String) -> CommandFailure { CommandFailure(code: ExitCode(1), message: message) }
    /// What was named is not there, or its state does not allow it: 2.
    static func refused(_ message: String) -> CommandFailure { CommandFailure(code: ExitCode(2), message: message) }

    private init(code: ExitCode, message: String) {
        self.code = code
        self.message = message
    }

    /// - Returns: nil for an error that only the argument parser can tell about.
    init?(judging error: any Error) {
        switch error {
        case let error as UserStore.Refusal: self = .refused("\(error)")
        case let error as PostgresError where error.sqlState == "3F000" || error.sqlState == "42P01":
            self = .failed("The database is not up to date (\(error.message)). Run `paidan migrate`.")
        case let error as PostgresError: self = .failed("PostgreSQL: \(error.message)")
        case let error as MigrationError: self = .failed("\(error)")
        case let error as StoreError where error.code == .refused: self = .refused(error.message)
        case let error as StoreError: self = .failed("Redis: \(error.message)")
        case let error as RedisError: self = .failed("Redis: \(error.message)")
        case let error as ImportRefusal: self = .refused(Self.text(error))
        case let error as SheetError: self = .refused(error.message)
        case let refusal as CalendarSheet.Refusal: self = .refused(refusal.problems.joined(separator: "\n"))
        case let error as Errno: self = .failed("\(error)")
        case is CancellationError: self = .failed("Cancelled.")
        default: return nil
        }
    }

    private static func text(_ refusal: ImportRefusal) -> String {
        switch refusal {
        case .notFound: "There is no such import."
        case .state(let state): "The import is \(state); its error sheet is there when it has ended."
        case .fileRemoved: "The uploaded file was removed (retention.sheets), so there is no error sheet any more."
        }
    }
}
