public import Jobs
internal import Redis

extension RedisJobStore {
    /// Where jobs are, in the order of a listing.
    private enum Place: String, CaseIterable {
        case inflight, ready, parked, suspect, delayed, dead, done

        static func holding(_ state: JobState?) -> [Place] {
            switch state {
            case nil: allCases
            case .scheduled, .retrying: [.delayed]
            case .queued: [.ready, .parked, .suspect]
            case .running: [.inflight]
            case .dead: [.dead]
            case .succeeded, .cancelled: [.done]
            }
        }
    }

    public func jobs(_ filter: JobFilter, cursor: String?, limit: Int) async throws(StoreError) -> JobPage {
        let limit = min(max(limit, 1), JobLimits.page)
        if let queue = filter.queue { try checkQueue(queue) }
        var stops: [(queue: String, place: Place)] = []
        for queue in filter.queue.map({ [$0] }) ?? queueNames {
            for place in Place.holding(filter.state) { stops.append((queue, place)) }
        }
        var (stop, offset) = (0, 0)
        if let cursor {
            let words = cursor.split(separator: ".")
            guard words.count == 3, let place = Place(rawValue: String(words[1])), let from = Int(words[2]), from >= 0,
                let found = stops.firstIndex(where: { $0.queue == words[0] && $0.place == place })
            else { throw StoreError(.refused, "this cursor belongs to another listing", mayHaveRun: false) }
            (stop, offset) = (found, from)
        }
        var jobs: [JobView] = []
        // A rare kind in a long queue: the page stays short, the caller goes on with the cursor.
        for _ in 0..<16 where stop < stops.count && jobs.count < limit {
            let (queue, place) = stops[stop]
            let reply = try await call(
                try command(
                    .page, queue, place.rawValue, String(offset), String(limit - jobs.count),
                    filter.state?.rawValue ?? "", filter.kind ?? ""))
            guard let words = reply.array, let next = words.first?.int else { throw .unreadable }
            for index in stride(from: 1, to: words.count - 1, by: 2) {
                guard let fields = words[index + 1].array else { throw .unreadable }
                jobs.append(try JobView(id: words[index].string ?? "", queue: queue, fields))
            }
            (stop, offset) = next < 0 ? (stop + 1, 0) : (stop, next)
        }
        guard stop < stops.count else { return JobPage(jobs: jobs, nextCursor: nil) }
        return JobPage(jobs: jobs, nextCursor: "\(stops[stop].queue).\(stops[stop].place.rawValue).\(offset)")
    }
}

extension JobView {
    /// `FIELDS` of `look.lua`.
    init(id: String, queue: String, _ fields: [RedisReply]) throws(StoreError) {
        guard fields.count >= 15, let kind = fields[0].string, let state = fields[1].string.flatMap(JobState.init)
        else { throw .unreadable }
        self.init(
            id: id, kind: kind, queue: queue, state: state, args: fields[2].bytes ?? [], attempt: fields[3].int ?? 0,
            maxAttempts: fields[4].int, createdAt: fields[5].int ?? 0, runAt: fields[6].int,
            startedAt: fields[7].int, finishedAt: fields[8].int, result: fields[9].bytes, key: fields[14].string)
        // What an earlier run left behind is history once the job has succeeded, unless it is about the result.
        if let code = fields[10].string, state != .succeeded || code == EngineCode.resultTooLarge {
            error = Failure(code: code, message: fields[11].string ?? "")
        }
        let numbers = (fields[12].string ?? "").split(separator: " ").compactMap { Int($0) }
        if numbers.count == 2 { progress = Progress(done: numbers[0], total: numbers[1]) }
    }
}

extension RedisReply {
    fileprivate var bytes: [UInt8]? {
        if case .bytes(let bytes) = self { return bytes }
        return nil
    }
}
