import Foundation

/// The whole program's result, as a table and as JSON.
struct Report: Encodable {
    let seed: UInt64
    let runs: [Tally]
    /// Lines of the program at which processes were ended or stopped, and those at which none was.
    let linesHit: [String]
    let linesMissed: [String]
    let failures: [String]

    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }

    private static let faults = ["kill", "crash", "freeze", "redis", "postgres", "flush"]

    var table: String {
        let head =
            ["run", "jobs", "lost", "doubled", "redelivered", "refused", "dead", "census"] + Self.faults
            + ["recovery med/max s", "seconds", "verdict"]
        let rows = runs.map { run in
            [
                run.run, "\(run.jobs)", "\(run.lost)", "\(run.doubled)", "\(run.redelivered)", "\(run.refused)",
                "\(run.dead)", "\(run.census.values.reduce(0) { $0 + abs($1) })",
            ]
                + Self.faults.map { "\(run.faults[$0] ?? 0)" }
                + [Self.spread(run.recoveries), "\(Int(run.seconds))", run.verdict.isEmpty ? "ok" : "FAILED"]
        }
        let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        let lines = ([head] + rows).map { row in
            zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
        }
        let product = runs.filter { $0.control == Control.none.rawValue }
        var text = lines
        text.append("")
        text.append(
            "the product: \(product.reduce(0) { $0 + $1.jobs }) jobs, lost \(product.reduce(0) { $0 + $1.lost }), "
                + "doubled \(product.reduce(0) { $0 + $1.doubled })")
        for run in product where !run.returns.isEmpty {
            text.append("\(run.run): what was flushed was done after \(Self.spread(run.returns)) s (median / max)")
        }
        text.append("lines hit: \(linesHit.joined(separator: " "))")
        if !linesMissed.isEmpty { text.append("lines not hit: \(linesMissed.joined(separator: " "))") }
        for finding in Set(product.flatMap(\.doctor)).sorted() { text.append("doctor: \(finding)") }
        text.append("seed \(seed)")
        text += failures.map { "FAILED: \($0)" }
        return text.joined(separator: "\n")
    }

    private static func spread(_ times: [Double]) -> String {
        guard let most = times.max() else { return "-" }
        let median = times.sorted()[times.count / 2]
        return String(format: "%.1f / %.1f", median, most)
    }
}
