import ArgumentParser
import CRM
import Foundation

struct RanksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ranks", abstract: "The sellers' shares and the open cycle.",
        discussion: "Example: paidan ranks show", subcommands: [Show.self, Set.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show shares and the open cycle.", discussion: "Example: paidan ranks show")

        @OptionGroup var config: ConfigOption
        @OptionGroup var json: JSONFlag

        func run() async throws {
            let composition = try Composition(config.load())
            defer { composition.close() }
            let ranks = try await composition.desk.ranks()
            let cycle = try await composition.desk.openCycle()
            if json.isOn { return try Output.json(Shares(items: ranks, cycle: cycle.map { CycleLine($0) })) }
            Output.table(
                ["SELLER", "NUM", "WEIGHT", "DAILY CAP", "HOLDING CAP"],
                ranks.map { rank in
                    [
                        "\(rank.userID)", "\(rank.num)", "\(rank.weight)", rank.dailyCap.map { "\($0)" } ?? "-",
                        rank.holdingCap.map { "\($0)" } ?? "-",
                    ]
                })
            guard let cycle else { return Output.data("no cycle is open") }
            let slots = cycle.slots.map { slot in
                switch slot.state {
                case "used": "(\(slot.user))"
                case "void": "[\(slot.user) \(slot.reason ?? "void")]"
                default: "\(slot.user)"
                }
            }
            Output.data("cycle \(cycle.number), \(cycle.strategy); (used) [void]: \(slots.joined(separator: " "))")
        }
    }

    /// As `GET /v1/ranks` and `GET /v1/ranks/cycle` answer, in one.
    private struct Shares: Encodable {
        let items: [RankEntry]
        let cycle: CycleLine?
    }

    private struct CycleLine: Encodable {
        struct Slot: Encodable {
            let pos: Int
            let userId: String
            let state: String
            let reason: String?
        }

        let cycleNo: Int
        let strategy: String
        let slots: [Slot]

        init(_ cycle: CycleView) {
            cycleNo = cycle.number
            strategy = cycle.strategy
            slots = cycle.slots.map { Slot(pos: $0.position, userId: "\($0.user)", state: $0.state, reason: $0.reason) }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set one seller's share; it counts from the next cycle, num 0 at once.",
            discussion: "Example: paidan ranks set 12 --num 5 --weight 3")

        @Argument(help: "The seller: an id, or a user name.") var user: String
        @Option(help: "Slots in a cycle, 0 to 1000.") var num: Int
        @Option(help: "Higher comes first.") var weight: Int
        @OptionGroup var config: ConfigOption

        func validate() throws {
            let nums = RankRules.nums
            guard nums.contains(num) else {
                throw ValidationError("--num takes \(nums.lowerBound) to \(nums.upperBound)")
            }
            guard Int32(exactly: weight) != nil else {
                throw ValidationError("--weight takes \(Int32.min) to \(Int32.max)")
            }
        }

        func run() async throws {
            let composition = try Composition(config.load())
            defer { composition.close() }
            let seller = try await composition.sellerID(user)
            var ranks = try await composition.desk.ranks()
            let before = ranks.first { $0.userID == seller }
            ranks.removeAll { $0.userID == seller }
            ranks.append(
                RankEntry(
                    userID: seller, num: num, weight: weight, dailyCap: before?.dailyCap,
                    holdingCap: before?.holdingCap))
            let problems = try await composition.desk.replaceRanks(ranks, actor: "command line")
            guard problems.isEmpty else {
                throw CommandFailure.refused(problems.map(\.message).joined(separator: "\n"))
            }
            Output.message("seller \(seller): num \(num), weight \(weight)")
        }
    }
}

struct FairnessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fairness", abstract: "Slots per cycle and seller: due, used, void with reasons.",
        discussion: "Example: paidan fairness --from 2026-01-01 --to 2026-01-31")

    @Option(help: "First day, e.g. 2026-01-01.") var from: String?
    @Option(help: "Last day.") var to: String?
    @OptionGroup var config: ConfigOption
    @OptionGroup var json: JSONFlag

    func validate() throws {
        for day in [from, to].compactMap({ $0 }) where !Self.isDay(day) {
            throw ValidationError("a day is written like 2026-01-31")
        }
    }

    func run() async throws {
        let composition = try Composition(config.load())
        defer { composition.close() }
        let cycles = try await composition.desk.fairness(from: from, to: to)
        if json.isOn { return try Output.json(Report(cycles: cycles.map { CycleLine($0) })) }
        Output.table(
            ["CYCLE", "STATE", "SELLER", "DUE", "USED", "VOID", "FREE", "REASONS"],
            cycles.flatMap { cycle in
                cycle.sellers.map { seller in
                    [
                        "\(cycle.number)", cycle.isClosed ? "closed" : "open", "\(seller.user)", "\(seller.num)",
                        "\(seller.used)", "\(seller.void)", "\(seller.free)",
                        seller.reasons.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                            .joined(separator: ", "),
                    ]
                }
            })
    }

    /// True for `YYYY-MM-DD` of a day that the calendar has.
    private static func isDay(_ text: String) -> Bool {
        let style = Date.ISO8601FormatStyle(timeZone: .gmt).year().month().day()
        guard text.utf8.count == 10, !text.hasPrefix("0000"), let day = try? style.parse(text) else { return false }
        return style.format(day) == text
    }

    private struct Report: Encodable {
        let cycles: [CycleLine]
    }

    private struct CycleLine: Encodable {
        struct Seller: Encodable {
            let userId: String
            let num: Int
            let used: Int
            let void: Int
            let free: Int
            let reasons: [String: Int]
        }

        let cycleNo: Int
        let closed: Bool
        let sellers: [Seller]

        init(_ cycle: CycleFairness) {
            cycleNo = cycle.number
            closed = cycle.isClosed
            sellers = cycle.sellers.map { seller in
                Seller(
                    userId: "\(seller.user)", num: seller.num, used: seller.used, void: seller.void,
                    free: seller.free, reasons: seller.reasons)
            }
        }
    }
}
