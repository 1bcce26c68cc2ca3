internal import HTTPTypes
internal import Hummingbird

/// What the health endpoints ask; filled by wiring.
public struct HealthChecks: Sendable {
    /// A store or schema that is not ready, by name, with the reason; empty when all is well.
    let problems: @Sendable () async -> [(name: String, reason: String)]
    let metrics: @Sendable () async -> String

    public init(
        problems: @escaping @Sendable () async -> [(name: String, reason: String)],
        metrics: @escaping @Sendable () async -> String
    ) {
        self.problems = problems
        self.metrics = metrics
    }
}

enum HealthEndpoints {
    static func all(_ checks: HealthChecks) -> [Endpoint] {
        [
            Endpoint(.get, "/healthz", "Whether the process is alive", access: .open) { _ in .text("ok\n") },
            Endpoint(.get, "/readyz", "Whether stores are reachable and migrations current", access: .open) { _ in
                let problems = await checks.problems()
                let body = JSONWriter.object { out in
                    out.field("ready", problems.isEmpty)
                    out.array("problems") { out in
                        for problem in problems {
                            out.object { out in
                                out.field("name", problem.name)
                                out.field("reason", problem.reason)
                            }
                        }
                    }
                }
                guard !problems.isEmpty else { return .json(body) }
                return .json(body, status: .serviceUnavailable).with(.retryAfter, "5")
            },
            Endpoint(.get, "/metrics", "Metrics as Prometheus text", access: .local) { _ in
                .text(await checks.metrics(), type: "text/plain; version=0.0.4; charset=utf-8")
            },
        ]
    }
}
