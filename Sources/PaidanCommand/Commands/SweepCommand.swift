import API
import ArgumentParser
import CRM
import Foundation
import Jobs

struct SweepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep", abstract: "Let overdue customers go to the public pool now, or show who would.",
        discussion: """
            The sweep is a job of `paidan serve`, which is waited for. With --dry-run nothing is changed: it shows who \
            would lose what by that day, which may be ahead, if nobody did anything until then.

            Example: paidan sweep
                     paidan sweep --dry-run --as-of 2026-01-31
            """)

    @Option(name: .customLong("as-of"), help: "Day by which expiry is judged, e.g. 2026-01-31. Default: today.")
    var asOf: String?
    @Flag(help: "Change nothing; show who would lose what.") var dryRun = false
    @Option(help: "How long to wait for the job to end.") var wait = "10m"
    @OptionGroup var config: ConfigOption
    @OptionGroup var json: JSONFlag

    func validate() throws {
        if let asOf, !CalendarDay.isValid(asOf) { throw ValidationError("a day is written like 2026-01-31") }
        if Quantity.duration(wait) == nil { throw ValidationError("--wait takes a duration such as 30s or 5m") }
    }

    func run() async throws {
        let composition = try Composition(config.load())
        defer { composition.close() }
        if dryRun { return try await forecast(composition) }
        do {
            let job = try await composition.sweepsAPI.sweep(asOf: asOf)
            Output.message("job \(job.id)")
            try await JobWait(composition: composition, json: json.isOn)
                .run(job.id, within: Quantity.duration(wait) ?? .zero)
        } catch let problem as Problem {
            throw CommandFailure.refused(
                problem.errors.isEmpty ? problem.detail : problem.errors.map { "as-of \($0.message)" }.joined())
        }
    }

    private func forecast(_ composition: Composition) async throws {
        let pieces = try await composition.sweepsAPI.forecast(asOf: asOf)
        if json.isOn { return Output.data(pieces.map { String(decoding: $0, as: UTF8.self) }.joined()) }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let shown = try decoder.decode(Shown.self, from: Data(pieces.joined()))
        Output.table(
            ["CUSTOMER", "SELLER", "STATUS", "ENDED ON"],
            shown.items.map { [$0.customerId, $0.userId, "\($0.status)", $0.endedOn] })
        Output.message(
            "\(shown.asOf): \(shown.items.count) customers would go: \(shown.counts["3"] ?? 0) not followed up (3), "
                + "\(shown.counts["4"] ?? 0) without a deal (4)")
    }

    private struct Shown: Decodable {
        struct Item: Decodable {
            let customerId: String
            let userId: String
            let status: Int
            let endedOn: String
        }

        let asOf: String
        let counts: [String: Int]
        let items: [Item]
    }
}

/// Days as `2026-01-31`.
enum CalendarDay {
    static func isValid(_ text: String) -> Bool { Day(text)?.description == text }
}
