import Redis
import TestSupport
import Testing

@Suite struct CommandTests {
    private func client(_ name: String = "test") async throws -> RedisClient {
        RedisClient(try RedisConfiguration(url: "unix:" + (try await PrivateServers.redis.value)), name: name)
    }

    @Test func setAndGet() async throws {
        let client = try await client()
        defer { client.close() }
        #expect(try await client.send(RedisCommand("SET", "commands:a", "1")) == .status("OK"))
        #expect(try await client.send(RedisCommand("GET", "commands:a")) == .bytes([49]))
        #expect(try await client.send(RedisCommand("GET", "commands:a")).int == 1)
        #expect(try await client.send(RedisCommand("GET", "commands:missing")) == .null)
        #expect(client.connectionNumber == 1)
    }

    @Test func bytesOfEveryValueAndEmptyArguments() async throws {
        let client = try await client()
        defer { client.close() }
        let all = (0...255).map { UInt8($0) }
        var set = RedisCommand("SET", "commands:binary")
        set.append(all)
        _ = try await client.send(set)
        #expect(try await client.send(RedisCommand("GET", "commands:binary")) == .bytes(all))
        #expect(try await client.send(RedisCommand("ECHO", "")) == .bytes([]))
        #expect(try await client.send(RedisCommand([Array("ECHO".utf8), all])) == .bytes(all))
    }

    @Test func tenMegabytesBothWays() async throws {
        let client = try await client()
        defer { client.close() }
        let big = (0..<10_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var set = RedisCommand("SET", "commands:big")
        set.append(big)
        _ = try await client.send(set)
        let reply = try await client.send(RedisCommand("GET", "commands:big"))
        #expect(reply == .bytes(big))
        _ = try await client.send(RedisCommand("DEL", "commands:big"))
    }

    @Test func nestedArraysAndNumbers() async throws {
        let client = try await client()
        defer { client.close() }
        let script = "return {1, {'a', {}, {false, {-7}}}, redis.status_reply('FINE')}"
        let expected: RedisReply = .array([
            .integer(1),
            .array([.bytes([97]), .array([]), .array([.null, .array([.integer(-7)])])]),
            .status("FINE"),
        ])
        #expect(try await client.send(RedisCommand("EVAL", script, "0")) == expected)
        var count = RedisCommand("INCRBY", "commands:number")
        count.append(Int.max)
        #expect(try await client.send(count).int == Int.max)
    }

    @Test func serverErrorsSayWhichAndThatNothingRan() async throws {
        let client = try await client()
        defer { client.close() }
        _ = try await client.send(RedisCommand("SET", "commands:text", "x"))
        let error = await #expect(throws: RedisError.self) {
            try await client.send(RedisCommand("LPUSH", "commands:text", "y"))
        }
        #expect(error?.code == .server)
        #expect(error?.prefix == "WRONGTYPE")
        #expect(error?.mayHaveRun == false)
        #expect(client.statistics.errors == 1)
    }

    @Test func anUnknownCommandsArgumentsAreNotRepeated() async throws {
        let client = try await client()
        defer { client.close() }
        let error = await #expect(throws: RedisError.self) {
            try await client.send(RedisCommand("NOSUCHCOMMAND", "personal"))
        }
        #expect(error?.prefix == "ERR")
        #expect(error.map { "\($0)".contains("personal") } == false)
    }

    @Test func aScriptThatFailsHalfWayMayHaveRun() async throws {
        let client = try await client()
        defer { client.close() }
        let script = "redis.call('SET', KEYS[1], '1'); return redis.call('LPUSH', KEYS[1], '2')"
        let error = await #expect(throws: RedisError.self) {
            try await client.send(RedisCommand("EVAL", script, "1", "commands:half"))
        }
        #expect(error?.mayHaveRun == true)
        #expect(try await client.send(RedisCommand("GET", "commands:half")).int == 1)
    }

    @Test func aPipelineKeepsErrorsInTheirPlace() async throws {
        let client = try await client()
        defer { client.close() }
        let replies = try await client.pipeline([
            RedisCommand("SET", "commands:p", "1"), RedisCommand("LPUSH", "commands:p", "x"),
            RedisCommand("INCR", "commands:p"),
        ])
        #expect(replies.count == 3)
        #expect(replies.first == .status("OK"))
        guard case .error(let text) = replies[1] else {
            Issue.record("expected an error, got \(replies[1])")
            return
        }
        #expect(text.hasPrefix("WRONGTYPE"))
        #expect(replies.last == .integer(2))
        #expect(try await client.pipeline([]).isEmpty)
    }

    @Test func pipelinesOfTasksDoNotMix() async throws {
        let client = try await client()
        defer { client.close() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    // 300 commands: more than a batch, so the next batch must not slip in.
                    let commands = (0..<300).map { _ in RedisCommand("INCR", "commands:adjacent") }
                    let numbers = try await client.pipeline(commands).compactMap(\.int)
                    #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 + 1 == $1 })
                    #expect(numbers.count == 300)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await client.send(RedisCommand("GET", "commands:adjacent")).int == 15_000)
    }

    @Test func aThousandTasksEachGetTheirReply() async throws {
        let client = try await client()
        defer { client.close() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<1000 {
                group.addTask {
                    var echo = RedisCommand("ECHO")
                    echo.append(number)
                    let reply = try await client.send(echo)
                    #expect(reply.int == number)
                }
            }
            try await group.waitForAll()
        }
        #expect(client.statistics.depth == 0)
    }

    @Test func theConnectionBearsTheName() async throws {
        let client = try await client("name with\nspaces")
        defer { client.close() }
        #expect(try await client.send(RedisCommand("CLIENT", "GETNAME")).string == "name-with-spaces")
    }
}
