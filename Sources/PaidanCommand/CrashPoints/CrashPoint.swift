#if DEBUG
import CRM
import Channels
import Foundation
import Jobs
import Observability
import OwnerThread
import Postgres

/// A line at which a debug build stops itself as a crash or a frozen machine would, so that tests see what comes after.
///
/// `PAIDAN_CRASH_AT=LINE[:KIND][/TIMES][!stop]`, as in `claimed:customer.assign`: SIGKILL when the line is reached for
/// the first time, or for the given time, with a job of that kind in hand; `!stop` sends SIGSTOP instead, once.
struct CrashPoint: Sendable {
    enum Line: String, CaseIterable {
        /// A claim is in hand, its handler has not begun.
        case claimed
        /// Receipt and effect are written, their transaction is open.
        case written
        /// The effect is committed, the queue does not know.
        case acknowledging
        /// The queue has the jobs, the outbox does not know.
        case enqueued
        /// A part of the work is committed.
        case checkpointed
        /// Slots are taken from the seller list, no transaction has begun.
        case popped
        /// The assignment is committed, the seller list has not been told.
        case telling
        /// Events are written, their transaction is open.
        case publishing
        /// A message is leased, and not sent.
        case sending
        /// The provider has the message, the delivery does not know.
        case sent
    }

    let line: Line
    /// Of the job in hand; nil is any.
    let kind: String?
    private let signal: Int32
    private let text: String
    private let left: Lock<Int>

    static let variable = "PAIDAN_CRASH_AT"

    /// - Throws: `CommandFailure` if the variable is set and cannot be read.
    static func fromEnvironment() throws -> CrashPoint? {
        guard let text = ProcessInfo.processInfo.environment[variable] else { return nil }
        guard let match = text.wholeMatch(of: /([a-z]+)(?::([a-z._]+))?(?:\/([0-9]+))?(!stop)?/),
            let line = Line(rawValue: String(match.1))
        else {
            let lines = Line.allCases.map(\.rawValue).joined(separator: ", ")
            throw CommandFailure.refused("\(variable) is LINE[:KIND][/TIMES][!stop] with a line of \(lines).")
        }
        return CrashPoint(
            line: line, kind: match.2.map(String.init), signal: match.4 == nil ? SIGKILL : SIGSTOP, text: text,
            left: Lock(match.3.flatMap { Int($0) } ?? 1))
    }

    /// To be called at each line; does not come back if this is the one and its time has come.
    func reach(_ line: Line, _ kinds: some Collection<String> = ["-"]) {
        guard line == self.line, !kinds.isEmpty, kind.map({ kinds.contains($0) }) ?? true else { return }
        let isDue = left.withLock { left in
            left -= 1
            return left == 0
        }
        guard isDue else { return }
        LineLogHandler.standardError("crash point \(text)")
        kill(getpid(), signal)
    }

    var seams: Seams {
        var seams = Seams()
        seams.store = { FaultyJobStore(store: $0, point: self) }
        seams.list = { CrashingSellerList(list: $0, point: self) }
        seams.publisher = { CrashingPublisher(publisher: $0, point: self) }
        seams.channel = { CrashingChannel(channel: $0, point: self) }
        return seams
    }
}

private struct CrashingSellerList: SellerList {
    let list: any SellerList
    let point: CrashPoint

    func pop(_ count: Int) async throws -> [SlotToken] {
        let tokens = try await list.pop(count)
        if !tokens.isEmpty { point.reach(.popped) }
        return tokens
    }

    func giveBack(_ tokens: [SlotToken]) async throws {
        point.reach(.telling)
        try await list.giveBack(tokens)
    }

    func load(_ load: CycleLoad) async throws {
        point.reach(.telling)
        try await list.load(load)
    }

    func requestReload(version: Int) async throws { try await list.requestReload(version: version) }
}

private struct CrashingPublisher: EventPublisher {
    let publisher: any EventPublisher
    let point: CrashPoint

    func publish(selecting events: SQL, in tx: inout Transaction) throws -> Set<String> {
        let types = try publisher.publish(selecting: events, in: &tx)
        point.reach(.publishing, types.sorted())
        return types
    }
}

private struct CrashingChannel: Channel {
    let channel: any Channel
    let point: CrashPoint

    var name: String { channel.name }
    var type: ChannelType { channel.type }
    var keyFingerprint: String { channel.keyFingerprint }
    var limits: ChannelLimits { channel.limits }
    var ambiguousPolicy: AmbiguousPolicy { channel.ambiguousPolicy }
    var quietHours: [QuietHours] { channel.quietHours }

    func bodies(for digest: Digest, to recipient: Recipient) -> [FrozenBody] {
        channel.bodies(for: digest, to: recipient)
    }

    func send(_ body: FrozenBody, to recipient: Recipient) async -> Channels.Outcome {
        point.reach(.sending, [channel.name])
        let outcome = await channel.send(body, to: recipient)
        point.reach(.sent, [channel.name])
        return outcome
    }
}
#endif
