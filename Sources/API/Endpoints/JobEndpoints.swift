internal import CRM
internal import Crypto
internal import HTTPTypes
internal import Hummingbird
public import Jobs
internal import ServiceLifecycle

/// What the endpoints of jobs and queues need.
public struct JobsAPI: Sendable {
    let door: any JobDoor
    let kinds: KindRegistry
    /// Names of the queues that jobs.conf names.
    var queues: Set<String> { queueNames() }
    private let queueNames: @Sendable () -> Set<String>
    /// Commits the receipt `cancelled` for a running job whose kind has an effect in PostgreSQL.
    ///
    /// - Returns: false if the effect was committed first: the job is done and cannot be cancelled.
    let refuseEffect: @Sendable (_ job: String, _ kind: String) async throws -> Bool

    public init(
        door: any JobDoor, kinds: KindRegistry, queueNames: @escaping @Sendable () -> Set<String>,
        refuseEffect: @escaping @Sendable (_ job: String, _ kind: String) async throws -> Bool
    ) {
        self.door = door
        self.kinds = kinds
        self.queueNames = queueNames
        self.refuseEffect = refuseEffect
    }
}

enum JobEndpoints {
    private static let mostBulkBytes = 8 << 20

    static func all(_ jobs: JobsAPI, _ environment: APIEnvironment) -> [Endpoint] {
        let form = JobForm(jobs: jobs, environment: environment)
        return [
            Endpoint(.post, "/v1/jobs", "Enqueue a job", body: .json(), success: 202) { call in
                try await enqueue(&call, form)
            },
            Endpoint(
                .post, "/v1/jobs/bulk", "Enqueue up to 10,000 jobs, all or none",
                body: .stream(types: ["application/x-ndjson"], limit: mostBulkBytes), success: 202
            ) { call in
                try await enqueueBulk(call, form)
            },
            Endpoint(
                .get, "/v1/jobs", "List jobs", query: ["state", "kind", "queue", "cursor", "limit"]
            ) { call in
                let state = try call.query.choice("state", JobState.allCases.map(\.rawValue))
                let queue = call.query["queue"]
                if let queue, !jobs.queues.contains(queue) {
                    throw Problem.invalid([FieldError("/queue", "unknown_queue", "there is no queue \(queue)")])
                }
                let filter = JobFilter(
                    state: state.flatMap { JobState(rawValue: $0) }, kind: call.query["kind"], queue: queue)
                let limit = try call.query.limit()
                let page = try await refusable("/cursor") {
                    try await jobs.door.jobs(filter, cursor: call.query.cursor, limit: limit)
                }
                return .json(
                    JSONWriter.object { out in
                        out.array("items") { out in
                            for job in page.jobs { out.element(raw: form.json(job)) }
                        }
                        out.field("next_cursor", page.nextCursor)
                    })
            },
            Endpoint(.get, "/v1/jobs/{id}", "One job") { call in
                .json(form.json(try await find(call, jobs)))
            }.locating { _ = try await find($0, jobs) },
            Endpoint(
                .post, "/v1/jobs/{id}/retry", "Run a dead, cancelled or retrying job again"
            ) { call in
                let job = try await find(call, jobs)
                try allow(try await jobs.door.retry(job.id), "retry", "dead, cancelled or retrying")
                return .json(form.json(try await find(call, jobs)))
            }.locating { _ = try await find($0, jobs) },
            Endpoint(
                .post, "/v1/jobs/{id}/cancel", "Cancel a job that has not ended"
            ) { call in
                let job = try await find(call, jobs)
                if job.state == .running, jobs.kinds[job.kind]?.hasEffect == true,
                    !(try await jobs.refuseEffect(job.id, job.kind))
                {
                    throw Problem.conflict("already_done", "The job's effect was committed before the cancellation.")
                }
                try allow(try await jobs.door.cancel(job.id), "cancel", "scheduled, queued, retrying or running")
                return .json(form.json(try await find(call, jobs)))
            }.locating { _ = try await find($0, jobs) },
            Endpoint(
                .delete, "/v1/jobs/{id}", "Discard a job that is not running", success: 204
            ) { call in
                let job = try await find(call, jobs)
                try allow(try await jobs.door.discard(job.id), "discard", "anything but running")
                return Reply(status: .noContent)
            }.locating { _ = try await find($0, jobs) },
        ]
    }

    private static func enqueue(_ call: inout Call, _ form: JobForm) async throws -> Reply {
        let wait = Preference.wait(call.header(.prefer))
        var fields = try call.fields()
        var job = form.read(&fields, traceparent: call.header(.traceparent))
        try fields.finish()
        if let key = call.header(.idempotencyKey) {
            guard (1...JobLimits.keyBytes).contains(key.utf8.count) else {
                throw Problem.invalid([
                    FieldError("", "idempotency_key", "Idempotency-Key must have 1 to \(JobLimits.keyBytes) bytes")
                ])
            }
            let hash = SHA256.hash(data: Array(call.json)).map { String($0, radix: 16) }.joined(separator: ".")
            job?.idempotency = Idempotency(
                user: call.caller.map { "\($0.userID)" } ?? "", key: key, bodyHash: hash, wait: wait ?? .zero)
        }
        guard let job else { throw Problem.invalid(fields.errors) }
        let enqueued = try await refusable { try await form.jobs.door.enqueue([job]) }[0]
        guard enqueued.outcome != .idempotencyMismatch else {
            throw Problem.invalid([
                FieldError("", "idempotency_mismatch", "this Idempotency-Key was used with another body")
            ])
        }
        var view = await view(of: enqueued, job, form)
        // A repeat answers with the first answer's status.
        let isRepeat = enqueued.outcome == .existing(.idempotency)
        if let wait, !isRepeat || enqueued.waitedUntil != nil {
            view = try await finished(view, within: wait, form.jobs)
        }
        let isDue = isRepeat ? view.finishedAt ?? 0 <= enqueued.waitedUntil ?? -1 : wait != nil
        if isDue, view.state.isEnd {
            let reply = Reply.json(form.json(view))
            return wait.map { reply.with(.preferenceApplied, "wait=\($0.components.seconds)") } ?? reply
        }
        return .json(form.json(view), status: .accepted).with(.location, "/v1/jobs/\(enqueued.id)")
    }

    /// One that was made just now is shown as it was made; of an older one the queue is asked. It is taken, and its
    /// sender is told so even if the queue cannot be looked at any more.
    static func view(of enqueued: Enqueued, _ job: NewJob, _ form: JobForm) async -> JobView {
        if let time = enqueued.createdAt { return JobView(job, createdAt: time) }
        return (try? await form.jobs.door.job(enqueued.id)) ?? JobView(job, id: enqueued.id, createdAt: 0)
    }

    private static func enqueueBulk(_ call: Call, _ form: JobForm) async throws -> Reply {
        let bytes = try await Responder.collect(call.request, mostBulkBytes)
        let jobs = try form.jobs(lines: bytes, traceparent: call.header(.traceparent))
        let enqueued = jobs.isEmpty ? [] : try await refusable { try await form.jobs.door.enqueue(jobs) }
        return .json(
            JSONWriter.object { out in
                out.field("accepted", enqueued.count)
                out.array("ids") { out in
                    for job in enqueued { out.element(job.id) }
                }
            }, status: .accepted)
    }

    /// Looks again and again, less and less often, until the job has ended or the time is over.
    private static func finished(_ view: JobView, within wait: Duration, _ jobs: JobsAPI) async throws -> JobView {
        var view = view
        var pause = Duration.milliseconds(5)
        let end = ContinuousClock.now + wait
        while !view.state.isEnd, ContinuousClock.now < end, !Task.isShuttingDownGracefully {
            try await Task.sleep(for: min(pause, end - .now))
            pause = min(pause * 2, .milliseconds(500))
            guard let next = try? await jobs.door.job(view.id) else { break }
            view = next
        }
        return view
    }

    static func find(_ call: Call, _ jobs: JobsAPI) async throws -> JobView {
        guard let id = call.parameters["id"], JobID.isValid(id), let job = try await jobs.door.job(id) else {
            throw Problem.notFound("such job")
        }
        return job
    }

    private static func allow(_ result: ChangeResult, _ verb: String, _ states: String) throws {
        switch result {
        case .changed: return
        case .missing: throw Problem.notFound("such job")
        case .state(let state):
            throw Problem.conflict("state", "The job is \(state.rawValue); \(verb) needs it to be \(states).")
        case .keyInUse(let holder):
            throw Problem.conflict("key_in_use", "The job \(holder) holds this job's key now.")
        }
    }

    /// What the store refuses is the caller's to mend.
    private static func refusable<Value>(
        _ pointer: String = "", _ body: () async throws -> Value
    ) async throws -> Value {
        do {
            return try await body()
        } catch let error as StoreError where error.code == .refused {
            throw Problem.invalid([FieldError(pointer, "refused", error.message)])
        }
    }
}

extension JobState {
    var isEnd: Bool { self == .succeeded || self == .dead || self == .cancelled }
}
