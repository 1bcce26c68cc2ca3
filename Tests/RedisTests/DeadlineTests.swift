import Redis
import TestSupport
import Testing

@Suite struct DeadlineTests {
    private func client(_ change: (inout RedisConfiguration) -> Void = { _ in }) async throws -> RedisClient {
        var configuration = try RedisConfiguration(url: "unix:" + (try await PrivateServers.redis.value))
        change(&configuration)
        return RedisClient(configuration, name: "deadline")
    }

    @Test func aCommandCancelledBeforeItStartedIsNeverSent() async throws {
        let server = try await PrivateRedis.start()
        server.stop()
        var configuration = try RedisConfiguration(url: "unix:\(server.socket)")
        configuration.commandDeadline = .seconds(30)
        let client = RedisClient(configuration, name: "test")
        defer { client.close() }
        // The server is away, so it waits.
        let task = Task { await failure { () throws(RedisError) in try await client.send(RedisCommand("INCR", "a")) } }
        #expect(await eventually { client.statistics.depth == 1 })
        task.cancel()
        let error = await task.value
        #expect(error?.code == .cancelled)
        #expect(error?.mayHaveRun == false)
        #expect(await eventually { client.statistics.depth == 0 }, "its place in the inbox is free again")
        try await server.start()
        #expect(try await client.send(RedisCommand("GET", "a")) == .null)
    }

    @Test func whatWasCancelledAsNotRunDidNotRun() async throws {
        let client = try await client()
        defer { client.close() }
        // Cancelled at once, so at every point of the way: waiting, being sent, in flight, answered.
        let errors = await withTaskGroup(of: (Int, RedisError?).self) { group in
            for number in 0..<2000 {
                group.addTask {
                    var add = RedisCommand("SADD", "deadline:race")
                    add.append(number)
                    let command = add
                    let task = Task { await failure { () throws(RedisError) in try await client.send(command) } }
                    await Task.yield()
                    task.cancel()
                    return (number, await task.value)
                }
            }
            return await group.reduce(into: [(Int, RedisError?)]()) { $0.append($1) }
        }
        let kept = Set((try await client.send(RedisCommand("SMEMBERS", "deadline:race")).array ?? []).compactMap(\.int))
        for (number, error) in errors {
            if error == nil { #expect(kept.contains(number)) }
            if error?.mayHaveRun == false { #expect(!kept.contains(number)) }
        }
    }

    @Test func aCancelledTaskSendsNothing() async throws {
        let client = try await client()
        defer { client.close() }
        let task = Task { () async -> RedisError? in
            while !Task.isCancelled { await Task.yield() }
            return await failure { () throws(RedisError) in
                try await client.send(RedisCommand("SET", "deadline:none", "1"))
            }
        }
        task.cancel()
        #expect(await task.value?.mayHaveRun == false)
        #expect(try await client.send(RedisCommand("GET", "deadline:none")) == .null)
    }

    @Test func theReplyOfACancelledCommandIsDropped() async throws {
        let client = try await client()
        let pusher = try await self.client()
        defer {
            client.close()
            pusher.close()
        }
        let task = Task {
            await failure { () throws(RedisError) in
                try await client.send(.block("deadline:cancel", seconds: 60), deadline: .seconds(60))
            }
        }
        #expect(await eventually { client.statistics.inFlight == 1 })
        task.cancel()
        let error = await task.value
        #expect(error?.code == .cancelled)
        #expect(error?.mayHaveRun == true)
        async let next = client.send(RedisCommand("ECHO", "next"))
        _ = try await pusher.send(RedisCommand("LPUSH", "deadline:cancel", "x"))
        #expect(try await next.string == "next")
        #expect(client.connectionNumber == 1)
    }

    @Test func aDeadlineFiresInTimeAndTheReplyIsDropped() async throws {
        let client = try await client()
        defer { client.close() }
        #expect(try await client.send(RedisCommand("PING")) == .status("PONG"))
        let watch = Stopwatch()
        let error = await failure { () throws(RedisError) in
            try await client.send(.block("deadline:blocked", seconds: 1), deadline: .milliseconds(200))
        }
        #expect(watch.elapsed >= .milliseconds(200))
        #expect(watch.granted < .milliseconds(900 * BuildPace.slowness))
        #expect(error?.code == .timedOut)
        #expect(error?.mayHaveRun == true)
        #expect(try await client.send(RedisCommand("ECHO", "after")).string == "after")
        #expect(client.connectionNumber == 1)
        #expect(client.statistics.timeouts == 1)
    }

    @Test func aLongerDeadlineIsWaitedForThoughTheConnectionIsSilent() async throws {
        let client = try await client { $0.silenceLimit = .milliseconds(100) }
        defer { client.close() }
        let reply = try await client.send(.block("deadline:silent", seconds: 1), deadline: .seconds(5))
        #expect(reply == .null)
        #expect(client.connectionNumber == 1)
    }

    @Test func aSilentConnectionIsDroppedAndMadeAgain() async throws {
        let client = try await client { $0.silenceLimit = .seconds(2) }
        defer { client.close() }
        // The connection is there before, so that the deadline is long enough to send the command on a busy machine.
        #expect(try await client.send(RedisCommand("PING"), deadline: .seconds(20)) == .status("PONG"))
        let slow = await failure { () throws(RedisError) in
            try await client.send(.block("deadline:dead", seconds: 30), deadline: .milliseconds(500))
        }
        #expect(slow?.code == .timedOut)
        #expect(slow?.mayHaveRun == true)
        // It stands behind the blocked one, so no deadline of its own keeps the connection.
        let behind = await failure { () throws(RedisError) in
            try await client.send(RedisCommand("PING"), deadline: .seconds(20))
        }
        #expect(behind?.code == .connect)
        #expect(behind?.mayHaveRun == true)
        #expect(try await client.send(RedisCommand("PING"), deadline: .seconds(5)) == .status("PONG"))
        #expect(client.connectionNumber == 2)
    }

    @Test func aFullInboxRefusesClearly() async throws {
        var configuration = RedisConfiguration(address: .unix(path: PrivateServers.folder + "/nobody.sock"))
        configuration.inboxLimit = 3
        configuration.commandDeadline = .milliseconds(500)
        let client = RedisClient(configuration, name: "full")
        defer { client.close() }
        let errors = await withTaskGroup(of: RedisError?.self) { group in
            for _ in 0..<10 {
                group.addTask {
                    await failure { () throws(RedisError) in try await client.send(RedisCommand("PING")) }
                }
            }
            return await group.reduce(into: [RedisError]()) { if let error = $1 { $0.append(error) } }
        }
        #expect(errors.count == 10)
        #expect(errors.count { $0.code == .full } == 7)
        #expect(errors.count { $0.code == .connect } == 3)
        #expect(errors.allSatisfy { !$0.mayHaveRun })
        #expect(client.statistics.refused == 7)
        #expect(client.statistics.depth == 0)
    }

    @Test func closeFailsWhatWaitsAndWhatComes() async throws {
        let client = try await client()
        let task = Task {
            await failure { () throws(RedisError) in
                try await client.send(.block("deadline:close", seconds: 60), deadline: .seconds(60))
            }
        }
        #expect(await eventually { client.statistics.inFlight == 1 })
        client.close()
        let waiting = await task.value
        #expect(waiting?.code == .closed)
        #expect(waiting?.mayHaveRun == true)
        let later = await failure { () throws(RedisError) in try await client.send(RedisCommand("PING")) }
        #expect(later?.code == .closed)
        #expect(later?.mayHaveRun == false)
        client.close()
    }
}
