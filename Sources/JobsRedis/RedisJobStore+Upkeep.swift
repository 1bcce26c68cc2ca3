public import Jobs
internal import Redis

extension RedisJobStore {
    public func reap(lease: Duration) async throws(StoreError) -> ReapReport {
        var commands: [RedisCommand] = []
        for queue in allQueueNames { commands.append(try command(.reap, queue, String(lease.milliseconds))) }
        var report = ReapReport()
        for reply in try await calls(commands) {
            guard let words = reply.array, words.count >= 3 else { throw .unreadable }
            report.hasMore = report.hasMore || words[0].int == 1
            // A session is one lease a queue; it is lost once.
            report.sessions = max(report.sessions, words[1].int ?? 0)
            report.returned += words[2].int ?? 0
            for place in stride(from: 3, to: words.count - 1, by: 2) {
                report.poisoned.append((words[place].string ?? "", words[place + 1].string ?? ""))
            }
        }
        return report
    }

    public func promote() async throws(StoreError) -> Promotion {
        var commands: [RedisCommand] = []
        for queue in queueNames { commands.append(try command(.promote, queue, "1000")) }
        var promotion = Promotion(moved: 0, nextDue: nil)
        for reply in try await calls(commands) {
            let words = (reply.array ?? []).compactMap(\.int)
            guard words.count == 2 else { throw .unreadable }
            promotion.moved += words[0]
            if words[1] >= 0 {
                promotion.nextDue = min(promotion.nextDue ?? .milliseconds(words[1]), .milliseconds(words[1]))
            }
        }
        return promotion
    }

    public func prune(done: Duration, dead: Duration) async throws(StoreError) -> Int {
        var commands: [RedisCommand] = []
        for queue in queueNames {
            commands.append(
                try command(.prune, queue, String(done.milliseconds), String(dead.milliseconds), "128"))
        }
        return try await calls(commands).reduce(0) { $0 + ($1.int ?? 0) }
    }
}
