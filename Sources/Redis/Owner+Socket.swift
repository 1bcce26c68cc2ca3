internal import Glibc
internal import OwnerThread

extension Owner {
    /// Bytes of this connection that the kernel took.
    var written: Int { sentBefore + outputSent }

    mutating func socketReady(_ events: Int16, _ now: Instant) {
        if case .connecting = phase { return finishConnecting(now) }
        if events & Int16(POLLOUT) != 0 { flush(now) }
        if events & ~Int16(POLLOUT) != 0 { readReplies(now) }
    }

    // MARK: sending

    /// Starts waiting operations, a batch a write, until the socket is full or enough is in flight.
    mutating func sendWaiting(_ now: Instant) {
        guard case .open = phase else { return }
        while !waiting.isEmpty, output.count == outputSent, due.count < Self.inFlightLimit {
            fillBatch(now)
            flush(now)
            guard case .open = phase else { return }
        }
    }

    private mutating func fillBatch(_ now: Instant) {
        emptyOutput()
        var commands = 0
        var taken = 0
        while let next = waiting.first, commands == 0 || commands + next.count <= Self.batchCommands,
            output.count < Self.batchBytes, let operation = waiting.popFirst()
        {
            taken += 1
            if operation.deadline <= now {
                timeOut(operation, started: false)
                continue
            }
            guard operation.pending.start() else { continue }
            if due.isEmpty { silentSince = now }
            due.append(ReplySlot(operation, start: sentBefore + output.count))
            operation.write(to: &output)
            commands += operation.count
        }
        shared.inbox.release(taken)
    }

    private mutating func emptyOutput() {
        sentBefore += output.count
        outputSent = 0
        // A large value's buffer is not kept.
        output.removeAll(keepingCapacity: output.capacity <= 4 * Self.batchBytes)
    }

    private mutating func flush(_ now: Instant) {
        while outputSent < output.count {
            guard let result = connection?.send(output[outputSent...]) else { return }
            switch result {
            case .bytes(let count):
                outputSent += count
            case .blocked:
                return
            case .ended(let reason):
                // Replies that came before the end are still in the socket.
                readReplies(now)
                if connection != nil { lose(reason, now) }
                return
            }
        }
    }

    // MARK: receiving

    private mutating func readReplies(_ now: Instant) {
        // Not for ever: deadlines and new work have their turn, too.
        for _ in 0..<16 {
            guard let result = connection?.receive() else { return }
            switch result {
            case .bytes(let count):
                silentSince = now
                // Less than asked for: that was all for now.
                guard handleReplies(now), count == Connection.bufferSize else { return }
            case .blocked:
                return
            case .ended(let reason):
                return lose(reason, now)
            }
        }
    }

    /// - Returns: false if the connection was lost over it.
    private mutating func handleReplies(_ now: Instant) -> Bool {
        while true {
            do throws(ConnectFailure) {
                guard let reply = try connection?.nextReply() else { return connection != nil }
                guard handle(reply, now) else { return false }
            } catch {
                lose(error.reason, now)
                return false
            }
        }
    }

    private mutating func handle(_ reply: RedisReply, _ now: Instant) -> Bool {
        if case .greeting(let until, let replies) = phase {
            if case .error(let text) = reply {
                lose("the server refuses: " + RedisError.withoutArguments(text), now)
                return false
            }
            if replies == 1 { open(now) } else { phase = .greeting(until: until, replies: replies - 1) }
            return true
        }
        if case .error = reply { shared.count(\.errors) }
        switch due.changeFirst({ $0.receive(reply) }) {
        case .some(true):
            _ = due.popFirst()
            return true
        case .some(false):
            return true
        case nil:
            var reason = "a reply came that nothing waits for"
            if case .error(let text) = reply { reason = "the server says: " + RedisError.withoutArguments(text) }
            lose(reason, now)
            return false
        }
    }
}
