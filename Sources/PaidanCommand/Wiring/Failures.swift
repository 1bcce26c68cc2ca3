import API
import Jobs
import Postgres
import Redis

/// Which errors are a store's trouble, for the worker and for HTTP.
enum Failures {
    static let isInfrastructure: @Sendable (any Error) -> Bool = { error in
        switch error {
        case let error as PostgresError: error.isInfrastructure
        case let error as RedisError: error.isInfrastructure
        case let error as StoreError: error.isInfrastructure
        default: false
        }
    }

    static let verdict: @Sendable (any Error) -> FailureJudge.Verdict = { error in
        switch error {
        case let error as PostgresError where error.isInfrastructure:
            .unavailable(postgres(error) + again(error.mayHaveRun))
        case let error as StoreError where error.code == .notReplicated:
            .unavailable(
                "The job is stored, but too few replicas of Redis have it; send it again with the same Idempotency-Key."
            )
        case let error as StoreError where error.isInfrastructure:
            .unavailable(redis(error) + again(error.mayHaveRun))
        case let error as RedisError where error.isInfrastructure:
            .unavailable("Redis does not answer" + again(error.mayHaveRun))
        default: .unknown
        }
    }

    private static func postgres(_ error: PostgresError) -> String {
        switch error.sqlState {
        case "25006": "PostgreSQL is read-only now"
        case "53100": "The disk of PostgreSQL is full"
        case "53300": "PostgreSQL has no connection free"
        case "57014": "PostgreSQL took too long and the statement was stopped"
        case "40001", "40P01", "55P03": "PostgreSQL could not do it beside what others did at the same time"
        default: "PostgreSQL does not answer"
        }
    }

    private static func redis(_ error: StoreError) -> String {
        switch error.code {
        case .outOfMemory: "Redis has no memory left for new jobs"
        case .unavailable where error.message.contains("MISCONF"): "Redis cannot write to its disk"
        default: "Redis does not answer"
        }
    }

    private static func again(_ mayHaveRun: Bool) -> String {
        mayHaveRun
            ? ". It is not known whether the request was carried out; send it again later, with the same Idempotency-Key "
                + "if it had one."
            : "; send the request again later."
    }
}
