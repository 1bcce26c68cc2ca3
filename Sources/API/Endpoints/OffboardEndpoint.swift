internal import CRM
internal import HTTPTypes
internal import Jobs

/// A seller leaves.
enum OffboardEndpoint {
    static func endpoint(_ desk: AssignmentDesk, _ jobs: JobsAPI, _ environment: APIEnvironment) -> Endpoint {
        let form = JobForm(jobs: jobs, environment: environment)
        return Endpoint(
            .post, "/v1/users/{id}/offboard", "A seller leaves: his customers wait for others, his slots are void",
            success: 202
        ) { call in
            let user = Int(try call.id(of: "such user"))
            guard let order = try await desk.offboard(user: user, actor: call.actor) else {
                throw Problem.notFound("such user")
            }
            let job = NewJob(
                id: order.id, kind: OffboardJob.kind, args: order.args,
                queue: jobs.kinds[OffboardJob.kind]?.queue ?? "critical", key: order.key,
                traceparent: JobForm.acceptable(call.header(.traceparent)))
            // The outbox has it: should the queue be away, the job goes there as soon as it is back. Here it only
            // goes sooner, under the same id.
            let enqueued = try? await jobs.door.enqueue([job]).first
            var view = JobView(job, createdAt: enqueued?.createdAt ?? order.createdAt)
            if let id = enqueued?.id, id != job.id, let older = try? await jobs.door.job(id) { view = older }
            return .json(form.json(view), status: .accepted).with(.location, "/v1/jobs/\(view.id)")
        }.locating { call in
            guard try await desk.knows(user: Int(try call.id(of: "such user"))) else {
                throw Problem.notFound("such user")
            }
        }
    }
}
