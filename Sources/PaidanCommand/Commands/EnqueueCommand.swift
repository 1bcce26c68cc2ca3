import API
import ArgumentParser
import Foundation
import Jobs
import JobsRedis

struct EnqueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enqueue", abstract: "Enqueue a job, or many.",
        discussion: """
            `-` instead of a kind reads one JSON object a line from standard input, with the fields of POST /v1/jobs; all \
            are taken or none.

            Example: paidan enqueue noop --args '{"sleep_ms": 100}' --wait 30s
                     paidan enqueue customer.assign --args '{"customer_ids": [12]}' --in 5m --key c12
            """)

    @Argument(help: "Kind of job, or - for lines of JSON on standard input.") var kind: String
    @Option(help: "Arguments, a JSON object.") var args = "{}"
    @Option(name: .customLong("in"), help: "How long it waits first, e.g. 5m.") var delay: String?
    @Option(help: "When it may run, e.g. 2026-01-31T09:00:00+08:00.") var at: String?
    @Option(help: "Queue; default is the kind's own.") var queue: String?
    @Option(help: "Makes the job the only one of its queue with this key.") var key: String?
    @Option(help: "Wait so long for the job to end, e.g. 30s.") var wait: String?
    @OptionGroup var config: ConfigOption
    @OptionGroup var json: JSONFlag

    func validate() throws {
        for (name, value) in [("--in", delay), ("--wait", wait)] {
            if let value, Quantity.duration(value) == nil {
                throw ValidationError("\(name) takes a duration such as 30s or 5m")
            }
        }
        if delay != nil, at != nil { throw ValidationError("--in and --at exclude each other") }
        guard args.isJSONObject else {
            throw ValidationError("--args takes a JSON object, such as '{\"sleep_ms\": 100}'")
        }
        if kind == "-", args != "{}" || delay != nil || at != nil || queue != nil || key != nil || wait != nil {
            throw ValidationError("with - every line says these things itself")
        }
    }

    func run() async throws {
        let composition = try Composition(config.load())
        defer { composition.close() }
        if kind == "-" { return try await enqueueLines(composition) }
        let job: NewJob
        do {
            job = try composition.jobForm.job(object: try line()[...])
        } catch let problem as Problem {
            let message =
                problem.errors.isEmpty ? problem.detail : problem.errors.map(\.message).joined(separator: "\n")
            let isUsage = problem.errors.contains { Self.options.contains($0.pointer) }
            throw isUsage ? ValidationError(message) as any Error : CommandFailure.refused(message)
        }
        for enqueued in try await composition.store.enqueue([job]) { try await report(enqueued, composition) }
    }

    /// Members that only a wrongly written option makes wrong.
    private static let options: Set = ["/run_at", "/delay_s", "/key"]

    /// All lines are checked before the first job is enqueued; then they go in as many at a time as one bulk may have.
    private func enqueueLines(_ composition: Composition) async throws {
        let lines = FileHandle.standardInput.readDataToEndOfFile().split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        var bulks: [[NewJob]] = []
        var problems: [String] = []
        for start in stride(from: 0, to: lines.count, by: JobForm.mostLines) {
            let bytes = Array(lines[start..<min(start + JobForm.mostLines, lines.count)].joined(separator: [0x0A]))
            do {
                bulks.append(try composition.jobForm.jobs(lines: bytes[...]))
            } catch let problem as Problem {
                problems += problem.errors.map { Self.text($0, after: start) }
                if problem.errors.isEmpty { problems.append(problem.detail) }
            }
        }
        guard problems.isEmpty else { throw CommandFailure.refused(problems.joined(separator: "\n")) }
        var ids: [String] = []
        for bulk in bulks where !bulk.isEmpty { ids += try await composition.store.enqueue(bulk).map(\.id) }
        if json.isOn { return try Output.json(Accepted(accepted: ids.count, ids: ids)) }
        for id in ids { Output.data(id) }
        Output.message("\(ids.count) jobs enqueued")
    }

    /// `line 12, args: must be an object`
    private static func text(_ error: FieldError, after lines: Int) -> String {
        let parts = error.pointer.split(separator: "/").map(String.init)
        let number = parts.first.flatMap { Int($0) }.map { "line \($0 + lines)" } ?? "line"
        return ([number] + parts.dropFirst()).joined(separator: ", ") + ": " + error.message
    }

    private struct Accepted: Encodable {
        let accepted: Int
        let ids: [String]
    }

    private func line() throws -> [UInt8] {
        // The arguments are spliced in as they are: numbers over 2^53 stay exact. Line breaks stand between members only.
        let args = args.split(whereSeparator: \.isNewline).joined(separator: " ")
        var fields = ["\"kind\":\(try quoted(kind))", "\"args\":\(args)"]
        if let queue { fields.append("\"queue\":\(try quoted(queue))") }
        if let key { fields.append("\"key\":\(try quoted(key))") }
        if let at { fields.append("\"run_at\":\(try quoted(at))") }
        if let delay = delay.flatMap({ Quantity.duration($0) }) {
            fields.append("\"delay_s\":\(delay / .seconds(1))")
        }
        return Array("{\(fields.joined(separator: ","))}".utf8)
    }

    private func quoted(_ text: String) throws -> String {
        String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
    }

    private func report(_ enqueued: Enqueued, _ composition: Composition) async throws {
        if case .existing = enqueued.outcome { Output.message("there is such a job already") }
        guard let limit = wait.flatMap({ Quantity.duration($0) }) else {
            if json.isOn, let job = try await composition.store.job(enqueued.id) {
                return Output.data(String(decoding: composition.jobForm.json(job), as: UTF8.self))
            }
            return Output.data(enqueued.id)
        }
        try await JobWait(composition: composition, json: json.isOn).run(enqueued.id, within: limit)
    }
}
