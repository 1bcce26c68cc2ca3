public import Channels
internal import FoundationEssentials
public import Jobs
internal import JobsPostgres
public import Logging
internal import Metrics
public import Postgres

/// `notify.send`: one attempt to send one message.
///
/// What is to be sent is stored, and the delivery leased, before any byte goes out; nothing is sent inside a transaction.
/// A process that dies in between leaves a leased delivery, which counts as "may have been delivered".
public struct NotifyJob: Sendable {
    static let kindName = "notify.send"
    /// Messages of its group that one run may send before it gives the worker back.
    private static let mostMessages = 20
    /// How long a message that is out waits for the database.
    private static let settlingTime = Duration.seconds(60)

    struct Arguments: Decodable, Sendable {
        let deliveryID: Int

        private enum CodingKeys: String, CodingKey { case deliveryID = "delivery_id" }

        init(from decoder: any Decoder) throws {
            deliveryID = try decoder.container(keyedBy: CodingKeys.self).decode(GivenID.self, forKey: .deliveryID).value
        }
    }

    private let pool: PostgresPool
    private let channels: @Sendable () -> [String: any Channel]
    private let composer: MessageComposer
    private let logger: Logger

    /// - Parameters:
    ///   - channels: the enabled ones by name, read at each attempt, so that a reload of the configuration counts.
    ///   - publicURL: what links in messages start with; empty for none.
    public init(
        pool: PostgresPool, channels: @escaping @Sendable () -> [String: any Channel], publicURL: String, logger: Logger
    ) {
        self.pool = pool
        self.channels = channels
        composer = MessageComposer(publicURL: publicURL)
        self.logger = logger
    }

    public var kind: Kind {
        Kind.single(
            Self.kindName, queue: "default", maxAttempts: 9, timeout: .seconds(450), arguments: Arguments.self
        ) { claim, arguments, _ in
            try await run(claim.id, arguments.deliveryID)
        }
    }

    static func job(_ delivery: Int, delay: Duration? = nil) -> OutboxJob {
        OutboxJob(kind: kindName, args: Array("{\"delivery_id\":\(delivery)}".utf8), delay: delay)
    }

    /// What preparing found.
    enum Prepared: Sendable {
        /// The delivery has its end, or only a person can change it; the text is the job's result.
        case ended(String)
        case wait(Duration)
        case send(NotifyAttempt)
        /// Another attempt's end was settled; look again.
        case again(Jobs.Outcome?)
    }

    func run(_ job: String, _ delivery: Int) async throws -> Jobs.Outcome {
        for _ in 0..<Self.mostMessages {
            let preparation = NotifyPreparation(job: job, channels: channels(), composer: composer)
            switch try await pool.transaction({ tx in try preparation.prepare(delivery, in: &tx) }) {
            case .ended(let state): return .done(result: Array("{\"state\":\"\(state)\"}".utf8))
            case .wait(let time): return .snooze(for: max(time, .milliseconds(50)))
            case .again(let outcome):
                if let outcome { return outcome }
            case .send(let attempt):
                let outcome = await attempt.channel.send(attempt.body, to: attempt.to.recipient)
                let labels = [("channel", attempt.channel.name), ("outcome", outcome.name)]
                Counter(label: ChannelMetricName.sends, dimensions: labels).increment()
                // A task of its own: a job that is stopped now still writes down what went out.
                let end = try await Task { try await settle(attempt, outcome, job, delivery) }.value
                // A message may have been another delivery's; this job's own is looked at again.
                if attempt.lead == delivery, let end { return end }
            }
        }
        return .snooze(for: .milliseconds(50))
    }

    /// Writes down how an attempt ended. The message is out: a database that is away for a moment must not make it count
    /// as unknown, so this tries for a while.
    ///
    /// - Returns: nil if the delivery is still to be looked at.
    private func settle(
        _ attempt: NotifyAttempt, _ outcome: Channels.Outcome, _ job: String, _ delivery: Int
    ) async throws -> Jobs.Outcome? {
        let settlement = NotifySettlement(job: job, delivery: delivery, composer: composer)
        let end = ContinuousClock.now + Self.settlingTime
        while true {
            do {
                let result = try await pool.transaction { tx in try settlement.settle(attempt, outcome, in: &tx) }
                if let alarm = result.alarm {
                    logger.warning(
                        "message not delivered as it should be",
                        metadata: [
                            "channel": "\(attempt.channel.name)", "delivery": "\(attempt.lead)", "reason": "\(alarm)",
                        ])
                }
                return result.outcome
            } catch let error as PostgresError where error.isInfrastructure && ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }
}

/// One message on its way out.
struct NotifyAttempt: Sendable {
    /// The delivery that carries the message.
    let lead: Int
    let channel: any Channel
    let to: RecipientStore.Found
    let body: FrozenBody
    /// From 1.
    let number: Int
    let wasAmbiguous: Bool
    /// Milliseconds since 1970.
    let expiresAt: Int64?
}

extension Channels.Outcome {
    /// One word, for metrics.
    fileprivate var name: String {
        switch self {
        case .delivered: "delivered"
        case .accepted: "accepted"
        case .partial: "partial"
        case .retry: "retry"
        case .rateLimited: "rate_limited"
        case .tokenRejected: "token_rejected"
        case .ambiguous: "ambiguous"
        case .permanent: "permanent"
        }
    }
}

/// Names of the channels' metrics.
enum ChannelMetricName {
    /// Attempts to send, by channel and what became of them.
    static let sends = "paidan_channel_sends_total"
}
