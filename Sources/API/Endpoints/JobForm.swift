internal import HTTPTypes
public import Jobs

/// Jobs as requests describe them and answers show them.
public struct JobForm: Sendable {
    /// Lines of one bulk.
    public static let mostLines = 10_000

    let jobs: JobsAPI
    let environment: APIEnvironment

    public init(jobs: JobsAPI, environment: APIEnvironment) {
        self.jobs = jobs
        self.environment = environment
    }

    /// The jobs that lines of JSON describe; blank lines are passed over.
    ///
    /// - Throws: `Problem` 422 that names every wrong line once (`/LINE`, counted from 1), 413 for too many lines.
    public func jobs(lines bytes: ArraySlice<UInt8>, traceparent: String? = nil) throws -> [NewJob] {
        var jobs: [NewJob] = []
        var errors: [FieldError] = []
        var number = 0
        var count = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
            count += 1
            guard count <= Self.mostLines else {
                throw Problem(
                    .contentTooLarge, "too_large", "Too large", "A bulk may have at most \(Self.mostLines) lines.")
            }
            do {
                var fields = try Fields(try JSONParser.parse(line), of: line, base: "")
                let job = read(&fields, traceparent: traceparent)
                try fields.finish()
                if let job { jobs.append(job) }
            } catch let error as JSONSyntaxError {
                errors.append(
                    FieldError("/\(number)", "malformed", "is no JSON: \(error.problem) at byte \(error.offset)"))
            } catch let problem as Problem {
                errors.append(
                    FieldError("/\(number)", problem.errors.first?.code ?? problem.code, problem.detail))
            }
        }
        guard errors.isEmpty else { throw Problem.invalid(errors) }
        return jobs
    }

    /// The job that one JSON object describes.
    ///
    /// - Throws: `Problem` 400 if it is no JSON, 422 that names every wrong field.
    public func job(object bytes: ArraySlice<UInt8>, traceparent: String? = nil) throws -> NewJob {
        let root: JSONNode
        do {
            root = try JSONParser.parse(bytes)
        } catch {
            throw Problem.malformed("No JSON: \(error.problem) at byte \(error.offset).")
        }
        var fields = try Fields(root, of: bytes, base: "")
        let job = read(&fields, traceparent: traceparent)
        try fields.finish()
        guard let job else { throw Problem.invalid(fields.errors) }
        return job
    }

    /// The job that `fields` describe; nil, with errors noted, if something is wrong.
    func read(_ fields: inout Fields, traceparent: String?) -> NewJob? {
        let name = fields.required("kind")
        let kind = jobs.kinds[name]
        if kind == nil, !name.isEmpty {
            let known = jobs.kinds.all.map(\.name).sorted().joined(separator: ", ")
            fields.note("kind", "unknown_kind", "there is no kind \(name); known are \(known)")
        }
        let args = fields.rawObject("args") ?? Array("{}".utf8)
        if args.count > JobLimits.bytes {
            fields.note("args", "too_large", "must be at most \(JobLimits.bytes) bytes; store it and pass an id")
        } else if let kind {
            do {
                try kind.check(arguments: args)
            } catch {
                fields.note("args", "bad_args", error.message)
            }
        }
        let queue = fields.string("queue")
        if let queue, !jobs.queues.contains(queue) {
            fields.note(
                "queue", "unknown_queue",
                "there is no queue \(queue); jobs.conf names \(jobs.queues.sorted().joined(separator: ", "))")
        }
        let runAt = fields.time("run_at")
        let delay = fields.number("delay_s", in: 0...315_360_000)
        if runAt != nil, delay != nil { fields.note("delay_s", "conflict", "and run_at exclude each other") }
        let key = fields.string("key")
        if let key, !(1...JobLimits.keyBytes).contains(key.utf8.count) {
            fields.note("key", "range", "must have 1 to \(JobLimits.keyBytes) bytes")
        }
        let attempts = fields.integer("max_attempts", in: 1...1000)
        let timeout = fields.number("timeout_s", in: 0.001...86_400)
        guard let kind, fields.errors.isEmpty else { return nil }
        return NewJob(
            id: environment.makeID(), kind: name, args: args, queue: queue ?? kind.queue,
            delay: delay.map { .milliseconds(Int64($0 * 1000)) }, runAt: runAt.map { Int($0) }, key: key,
            maxAttempts: attempts, timeout: timeout.map { .milliseconds(Int64($0 * 1000)) },
            traceparent: Self.acceptable(traceparent))
    }

    /// What `GET /v1/jobs/{id}` answers.
    public func json(_ job: JobView) -> [UInt8] {
        JSONWriter.object { out in
            out.field("id", job.id)
            out.field("kind", job.kind)
            out.field("queue", job.queue)
            out.field("state", job.state.rawValue)
            // A foreign push may hold anything; only JSON is shown as JSON.
            if (try? JSONParser.parse(job.args[...])) != nil {
                out.field("args", raw: job.args)
            } else {
                out.field("args", String(decoding: job.args, as: UTF8.self))
            }
            out.field("attempt", job.attempt)
            out.field("max_attempts", job.maxAttempts ?? jobs.kinds[job.kind]?.maxAttempts)
            out.field("created_at", environment.time(job.createdAt))
            out.field("run_at", environment.time(job.runAt))
            out.field("started_at", environment.time(job.startedAt))
            out.field("finished_at", environment.time(job.finishedAt))
            out.field("result", raw: job.result)
            if let error = job.error {
                out.object("error") { out in
                    out.field("code", error.code)
                    out.field("message", error.message)
                }
            } else {
                out.field("error", nil as String?)
            }
            if let progress = job.progress {
                out.object("progress") { out in
                    out.field("done", progress.done)
                    out.field("total", progress.total)
                }
            } else {
                out.field("progress", nil as String?)
            }
        }
    }

    /// A W3C trace context in its one known version; another text is left out, as the standard has it.
    static func acceptable(_ traceparent: String?) -> String? {
        guard let traceparent, traceparent.wholeMatch(of: /[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}/) != nil
        else { return nil }
        return traceparent
    }
}
