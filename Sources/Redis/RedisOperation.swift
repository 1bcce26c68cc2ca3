internal import OwnerThread

/// One `send` or `pipeline` on its way.
final class RedisOperation: Sendable {
    enum Commands: Sendable {
        case one(RedisCommand)
        /// Adjacent on the wire; the reply is an array.
        case several([RedisCommand])
    }

    let commands: Commands
    let deadline: ContinuousClock.Instant
    let pending = PendingOperation<RedisReply, RedisError>()

    init(_ commands: Commands, deadline: ContinuousClock.Instant) {
        self.commands = commands
        self.deadline = deadline
    }

    /// Replies due, at least 1.
    var count: Int {
        switch commands {
        case .one: 1
        case .several(let commands): commands.count
        }
    }

    /// Every command has a name.
    var isComplete: Bool {
        switch commands {
        case .one(let command): command.count > 0
        case .several(let commands): commands.allSatisfy { $0.count > 0 }
        }
    }

    func write(to output: inout [UInt8]) {
        switch commands {
        case .one(let command): command.write(to: &output)
        case .several(let commands): for command in commands { command.write(to: &output) }
        }
    }

    func fail(_ error: RedisError) { pending.finish(.failure(error)) }
}

/// The place of a sent operation in the order of replies. It stays when the operation was answered otherwise.
struct ReplySlot {
    let operation: RedisOperation
    /// Bytes of the connection before this operation's first.
    let start: Int
    private let count: Int
    private var replies: [RedisReply] = []
    private var received = 0

    init(_ operation: RedisOperation, start: Int) {
        self.operation = operation
        self.start = start
        count = operation.count
    }

    /// - Returns: true when this was the last reply due.
    mutating func receive(_ reply: RedisReply) -> Bool {
        received += 1
        if case .one = operation.commands {
            if case .error(let text) = reply {
                operation.fail(RedisError(serverReply: text))
            } else {
                operation.pending.finish(.success(reply))
            }
            return true
        }
        if received == 1 { replies.reserveCapacity(count) }
        replies.append(reply)
        if received < count { return false }
        operation.pending.finish(.success(.array(replies)))
        return true
    }
}
