internal import Hummingbird
internal import Jobs

enum QueueEndpoints {
    static func all(_ jobs: JobsAPI, _ environment: APIEnvironment) -> [Endpoint] {
        [
            Endpoint(.get, "/v1/queues", "All queues") { _ in
                let queues = try await jobs.door.queues()
                return .json(
                    JSONWriter.object { out in
                        out.array("items") { out in
                            for queue in queues { out.object { json(queue, &$0) } }
                        }
                        out.field("next_cursor", nil as String?)
                    })
            },
            Endpoint(
                .post, "/v1/queues/{name}/pause", "Stop claiming from a queue, in all processes"
            ) { call in
                try await change(call, jobs) { try await jobs.door.pause($0) }
            }.locating { _ = try name($0, jobs) },
            Endpoint(
                .post, "/v1/queues/{name}/resume", "Claim from a queue again"
            ) { call in
                try await change(call, jobs) { try await jobs.door.resume($0) }
            }.locating { _ = try name($0, jobs) },
            Endpoint(.get, "/v1/workers", "Running processes") { _ in
                let workers = try await jobs.door.workers()
                return .json(
                    JSONWriter.object { out in
                        out.array("items") { out in
                            for worker in workers {
                                out.object { out in
                                    out.field("id", worker.process)
                                    out.field("host", worker.host)
                                    out.field("pid", worker.pid)
                                    out.field("version", worker.version)
                                    out.field("started_at", environment.time(worker.startedAt))
                                    out.field("running", worker.running)
                                    out.field("stuck", worker.stuck ?? 0)
                                    out.field("quiet", worker.isQuiet)
                                    out.array("queues") { out in
                                        for queue in worker.queues { out.element(queue) }
                                    }
                                }
                            }
                        }
                        out.field("next_cursor", nil as String?)
                    })
            },
        ]
    }

    private static func name(_ call: Call, _ jobs: JobsAPI) throws -> String {
        guard let name = call.parameters["name"], jobs.queues.contains(name) else {
            throw Problem.notFound("such queue")
        }
        return name
    }

    private static func change(
        _ call: Call, _ jobs: JobsAPI, _ change: (String) async throws -> Void
    ) async throws -> Reply {
        let name = try name(call, jobs)
        try await change(name)
        guard let queue = try await jobs.door.queues().first(where: { $0.name == name }) else {
            throw Problem.notFound("such queue")
        }
        return .json(JSONWriter.object { json(queue, &$0) })
    }

    static func json(_ queue: QueueView, _ out: inout JSONWriter) {
        out.field("name", queue.name)
        out.field("paused", queue.isPaused)
        out.field("depth", queue.depth)
        out.field("oldest_age_s", queue.oldestAge / .seconds(1))
        out.field("running", queue.running)
        out.field("rate", queue.rate)
        out.field("delayed", queue.delayed)
        out.field("dead", queue.dead)
    }
}
