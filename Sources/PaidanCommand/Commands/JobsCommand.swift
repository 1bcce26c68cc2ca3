import API
import ArgumentParser
import Jobs
import JobsRedis

struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "Look at jobs and mend them.",
        discussion: "Example: paidan jobs list --state dead",
        subcommands: [List.self, Show.self, Retry.self, Cancel.self, Discard.self])

    struct Filter: ParsableArguments {
        @Option(help: "scheduled, queued, running, retrying, succeeded, dead or cancelled.") var state: String?
        @Option(help: "Kind of job.") var kind: String?
        @Option(help: "Queue.") var queue: String?

        func validate() throws {
            if let state, JobState(rawValue: state) == nil {
                let all = JobState.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--state takes one of \(all)")
            }
        }

        var value: JobFilter { JobFilter(state: state.flatMap { JobState(rawValue: $0) }, kind: kind, queue: queue) }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List jobs.", discussion: "Example: paidan jobs list --state dead --limit 20")

        @OptionGroup var filter: Filter
        @Option(help: "Most jobs shown.") var limit = 50
        @OptionGroup var config: ConfigOption
        @OptionGroup var json: JSONFlag

        func validate() throws {
            guard limit >= 1 else { throw ValidationError("--limit takes at least 1") }
        }

        func run() async throws {
            let composition = try Composition(config.load())
            defer { composition.close() }
            var jobs: [JobView] = []
            var cursor: String?
            repeat {
                let page = try await composition.store.jobs(
                    filter.value, cursor: cursor, limit: min(limit - jobs.count, JobLimits.page))
                jobs += page.jobs
                cursor = page.nextCursor
            } while cursor != nil && jobs.count < limit
            if json.isOn {
                let items = jobs.map { String(decoding: composition.jobForm.json($0), as: UTF8.self) }
                return Output.data("{\"items\":[\(items.joined(separator: ","))]}")
            }
            Output.table(
                ["ID", "KIND", "QUEUE", "STATE", "ATTEMPT", "ERROR"],
                jobs.map { [$0.id, $0.kind, $0.queue, $0.state.rawValue, "\($0.attempt)", $0.error?.code ?? ""] })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show one job.", discussion: "Example: paidan jobs show 01kb0q2zv6x3k9m8r7t5w4y2ab")

        @Argument(help: "The job's id.") var id: String
        @OptionGroup var config: ConfigOption
        @OptionGroup var json: JSONFlag

        func run() async throws {
            let composition = try Composition(config.load())
            defer { composition.close() }
            guard let job = try await composition.store.job(id) else {
                throw CommandFailure.refused("There is no job \(id).")
            }
            Output.data(json.isOn ? String(decoding: composition.jobForm.json(job), as: UTF8.self) : JobLine.text(job))
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run a dead, cancelled or retrying job again; with --state dead, all of them.",
            discussion: "Example: paidan jobs retry --state dead --kind notify.send")

        @Argument(help: "The job's id.") var id: String?
        @OptionGroup var filter: Filter
        @OptionGroup var config: ConfigOption

        func validate() throws { try JobsCommand.validateBulk(id, filter) }

        func run() async throws {
            try await JobsCommand.change(
                id, filter, config, done: "retried", needs: "dead, cancelled or retrying",
                one: { try await $0.retry($1) }, many: { try await $0.retryDead(kind: $1, queue: $2) })
        }
    }

    struct Discard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget a job that is not running; with --state dead, all dead ones.",
            discussion: "Example: paidan jobs discard --state dead --kind noop")

        @Argument(help: "The job's id.") var id: String?
        @OptionGroup var filter: Filter
        @OptionGroup var config: ConfigOption

        func validate() throws { try JobsCommand.validateBulk(id, filter) }

        func run() async throws {
            try await JobsCommand.change(
                id, filter, config, done: "discarded", needs: "anything but running",
                one: { try await $0.discard($1) }, many: { try await $0.discardDead(kind: $1, queue: $2) })
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Cancel a job that has not ended.",
            discussion: "Example: paidan jobs cancel 01kb0q2zv6x3k9m8r7t5w4y2ab")

        @Argument(help: "The job's id.") var id: String
        @OptionGroup var config: ConfigOption

        func run() async throws {
            let composition = try Composition(config.load())
            defer { composition.close() }
            guard let job = try await composition.store.job(id) else {
                throw CommandFailure.refused("There is no job \(id).")
            }
            if job.state == .running, composition.kinds[job.kind]?.hasEffect == true,
                !(try await composition.refuseEffect(job.id, job.kind))
            {
                throw CommandFailure.refused("The job's effect was committed before the cancellation.")
            }
            try JobsCommand.judge(
                try await composition.store.cancel(id), id, needs: "scheduled, queued, retrying or running")
            Output.message("job \(id) is cancelled")
        }
    }

    private static func validateBulk(_ id: String?, _ filter: Filter) throws {
        guard (id == nil) != (filter.state == nil), filter.state == nil || filter.state == "dead" else {
            throw ValidationError("name one job, or --state dead for all dead ones (with --kind and --queue, some)")
        }
    }

    private static func change(
        _ id: String?, _ filter: Filter, _ config: ConfigOption, done: String, needs: String,
        one: (any JobDoor, String) async throws -> ChangeResult,
        many: (any JobDoor, String?, String?) async throws -> Int
    ) async throws {
        let composition = try Composition(config.load())
        defer { composition.close() }
        guard let id else {
            Output.message("\(try await many(composition.store, filter.kind, filter.queue)) jobs \(done)")
            return
        }
        try judge(try await one(composition.store, id), id, needs: needs)
        Output.message("job \(id) is \(done)")
    }

    private static func judge(_ result: ChangeResult, _ id: String, needs: String) throws {
        switch result {
        case .changed: return
        case .missing: throw CommandFailure.refused("There is no job \(id).")
        case .state(let state): throw CommandFailure.refused("The job is \(state.rawValue); it must be \(needs).")
        case .keyInUse(let holder):
            throw CommandFailure.refused("The job \(holder) holds this job's key now.")
        }
    }
}

/// A job for people.
enum JobLine {
    static func text(_ job: JobView) -> String {
        var lines = ["\(job.id)  \(job.kind)  \(job.state.rawValue)  queue \(job.queue)  attempt \(job.attempt)"]
        lines.append("args    \(String(decoding: job.args, as: UTF8.self))")
        if let progress = job.progress { lines.append("progress \(progress.done) of \(progress.total)") }
        if let result = job.result { lines.append("result  \(String(decoding: result, as: UTF8.self))") }
        if let error = job.error { lines.append("error   \(error.code): \(error.message)") }
        return lines.joined(separator: "\n")
    }
}
