internal import HTTPTypes
internal import Hummingbird
public import Jobs

/// Schedules as requests name them and answers show them.
public struct SchedulesAPI: Sendable {
    public let board: ScheduleBoard
    let form: JobForm

    public init(board: ScheduleBoard, form: JobForm) {
        self.board = board
        self.form = form
    }

    /// Enqueues the job of a schedule now, whenever it is due.
    ///
    /// - Throws: `Problem` 404 if there is no such schedule, 409 if this program cannot run it.
    public func run(_ name: String, traceparent: String? = nil) async throws -> JobView {
        let (schedule, problem) = try find(name)
        guard problem == nil, let kind = form.jobs.kinds[schedule.kind] else {
            throw Problem.conflict(
                problem?.code ?? "unknown_kind", "Schedule \(name) cannot run: \(problem?.message ?? "no kind").")
        }
        let job = NewJob(
            id: form.environment.makeID(), kind: kind.name, args: schedule.args, queue: schedule.queue ?? kind.queue,
            traceparent: JobForm.acceptable(traceparent))
        let enqueued = try await form.jobs.door.enqueue([job])[0]
        return JobView(job, createdAt: enqueued.createdAt ?? 0)
    }

    func find(_ name: String) throws -> (schedule: Schedule, problem: ScheduleProblem?) {
        guard let found = board[name] else { throw Problem.notFound("such schedule") }
        return found
    }

    /// The members of one schedule in the list.
    public func json(_ view: ScheduleView) -> [UInt8] {
        JSONWriter.object { out in
            out.field("name", view.schedule.name)
            out.field("kind", view.schedule.kind)
            out.field("cron", view.schedule.expression)
            out.field("timezone", view.schedule.zone.name)
            out.field("last_fire_at", form.environment.time(view.lastFireAt))
            out.field("next_fire_at", form.environment.time(view.nextFireAt))
            out.field("catch_up", view.schedule.catchUp)
            // Why it does not run, though it is due.
            out.field("problem", view.problem?.message)
        }
    }

    /// `{items, next_cursor}`
    public func json(_ views: [ScheduleView]) -> [UInt8] {
        JSONWriter.object { out in
            out.array("items") { out in
                for view in views { out.element(raw: json(view)) }
            }
            out.field("next_cursor", nil as String?)
        }
    }

    public func time(_ milliseconds: Int?) -> String? { form.environment.time(milliseconds) }
}

enum ScheduleEndpoints {
    static func all(_ schedules: SchedulesAPI) -> [Endpoint] {
        [
            Endpoint(.get, "/v1/schedules", "All schedules, with their last and next fire") { _ in
                .json(schedules.json(try await schedules.board.list()))
            },
            Endpoint(.post, "/v1/schedules/{name}/run", "Enqueue the job of a schedule now", success: 202) { call in
                let job = try await schedules.run(
                    call.parameters["name"] ?? "", traceparent: call.header(.traceparent))
                return .json(schedules.form.json(job), status: .accepted).with(.location, "/v1/jobs/\(job.id)")
            }.locating { _ = try schedules.find($0.parameters["name"] ?? "") },
        ]
    }
}
