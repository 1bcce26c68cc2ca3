internal import Foundation
public import Jobs
internal import JobsPostgres

/// `import.batch`: reads, checks and stores one uploaded sheet.
public struct ImportJob: Sendable {
    static let kindName = "import.batch"

    struct Arguments: Decodable, Sendable {
        let importID: Int

        private enum CodingKeys: String, CodingKey { case importID = "import_id" }

        init(from decoder: any Decoder) throws {
            importID = try decoder.container(keyedBy: CodingKeys.self).decode(GivenID.self, forKey: .importID).value
        }
    }

    private let store: ImportStore
    private let forecast: (any AssignmentForecast)?

    /// - Parameter forecast: for dry runs; without it their rows name no seller.
    public init(store: ImportStore, forecast: (any AssignmentForecast)? = nil) {
        self.store = store
        self.forecast = forecast
    }

    /// What the worker runs.
    public var kind: Kind {
        Kind.single(
            Self.kindName, queue: "bulk", maxAttempts: ImportRun.attempts, timeout: .seconds(2 * 3600), hasEffect: true,
            arguments: Arguments.self
        ) { claim, arguments, context in
            try await ImportRun(store, forecast, claim, context).run(arguments.importID)
        }
    }

    /// The job of an import; its key keeps it the only one while it lives.
    static func job(_ importID: Int, traceparent: String? = nil) -> OutboxJob {
        OutboxJob(
            kind: kindName, args: Array("{\"import_id\":\(importID)}".utf8), queue: "bulk", key: "import:\(importID)",
            traceparent: traceparent)
    }

    /// The job that assigns a chunk's pending customers, in file order.
    static func assign(_ customers: [Int], importID: Int, chunk: Int) -> OutboxJob {
        let arguments = AssignmentArguments(customers: customers, chunk: .init(importID: importID, chunk: chunk))
        return OutboxJob(
            kind: AssignmentJob.kind, args: arguments.json, queue: "critical", key: "import:\(importID):\(chunk)")
    }
}
