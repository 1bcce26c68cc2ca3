internal import HTTPTypes
internal import Jobs

/// Running processes, as they register themselves.
enum WorkerEndpoint {
    static func endpoint(_ jobs: JobsAPI, _ environment: APIEnvironment) -> Endpoint {
        Endpoint(.get, "/v1/workers", "The processes that work, with what they have in hand") { _ in
            let workers = try await jobs.door.workers()
            return .json(
                JSONWriter.object { out in
                    out.array("items") { out in
                        for worker in workers.sorted(by: { $0.process < $1.process }) {
                            out.object { out in write(worker, environment, &out) }
                        }
                    }
                    out.field("next_cursor", nil as String?)
                })
        }
    }

    private static func write(_ worker: WorkerInfo, _ environment: APIEnvironment, _ out: inout JSONWriter) {
        out.field("id", worker.process)
        out.field("host", worker.host)
        out.field("pid", worker.pid)
        out.field("version", worker.version)
        out.field("started_at", environment.time(worker.startedAt))
        out.field("running", worker.running)
        out.field("stuck", worker.stuck)
        out.field("quiet", worker.isQuiet)
        out.array("queues") { out in
            for queue in worker.queues { out.element(queue) }
        }
    }
}
