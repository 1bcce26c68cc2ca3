import ArgumentParser
import CRM
import Foundation

struct CalendarCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calendar", abstract: "Work days and holidays, for expiry by work days.",
        discussion: "Example: paidan calendar import 2026.csv", subcommands: [Import.self])

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take over work days and holidays from a sheet, all rows or none.",
            discussion: """
                Two columns, date and is_workday (1, true, 是, 工作日 or 0, false, 否, 休息日), with or without a header. Days \
                that the sheet does not name stay as they are; a day that was never named is a work day from Monday to \
                Friday. They count if jobs.conf says [expiry] clock = "workday".

                Example: paidan calendar import 2026.csv
                """)

        @Argument(help: "CSV or xlsx.") var file: String
        @OptionGroup var config: ConfigOption
        @OptionGroup var json: JSONFlag

        func run() async throws {
            let conf = try config.load()
            guard FileManager.default.isReadableFile(atPath: file) else {
                throw CommandFailure.refused("\(file) is not there, or cannot be read.")
            }
            let sheet = try CalendarSheet.read(path: file)
            try await Stores.withPostgres(conf) { pool in
                let changed = try await CalendarStore(pool: pool).replace(sheet, actor: "command line")
                let first = sheet.entries.first?.day.description ?? ""
                let last = sheet.entries.last?.day.description ?? ""
                if json.isOn {
                    return try Output.json(
                        Taken(days: sheet.entries.count, changed: changed, first: first, last: last))
                }
                Output.data("\(sheet.entries.count) days from \(first) to \(last), \(changed) of them changed")
                if conf.business.clock != .workday {
                    Output.message("Every day counts until jobs.conf says [expiry] clock = \"workday\".")
                }
            }
        }
    }

    private struct Taken: Encodable {
        let days: Int
        let changed: Int
        let first: String
        let last: String
    }
}

/// The work calendar: it must reach far enough ahead where it counts.
struct CalendarExamination {
    let composition: Composition
    private static let fewestDays = 60

    func findings() async -> [Finding] {
        // PostgreSQL that does not answer has a line of its own.
        guard composition.conf.business.clock == .workday,
            let state = try? await CalendarStore(pool: composition.pool).state()
        else { return [] }
        guard let last = state.last, let left = state.daysLeft, left >= Self.fewestDays else {
            let end = state.last.map { "ends on \($0)" } ?? "is empty"
            return [
                Finding(
                    .warn, "work calendar",
                    "it \(end), and Monday to Friday count as work days after it: `paidan calendar import` the next year"
                )
            ]
        }
        return [Finding(.ok, "work calendar", "it reaches to \(last)")]
    }
}
