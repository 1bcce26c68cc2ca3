import Redis
import TestSupport
import Testing

@Suite struct OutageTests {
    private func client(
        _ server: PrivateRedis, _ change: (inout RedisConfiguration) -> Void = { _ in }
    ) throws -> RedisClient {
        var configuration = try RedisConfiguration(url: "redis://127.0.0.1:\(server.port)")
        change(&configuration)
        return RedisClient(configuration, name: "outage")
    }

    @Test func aKilledServerIsFoundAgain() async throws {
        let server = try await PrivateRedis.start()
        defer { server.stop() }
        let client = try client(server)
        let observer = RedisClient(try RedisConfiguration(url: "unix:\(server.socket)"), name: "observer")
        defer {
            client.close()
            observer.close()
        }
        #expect(try await client.send(RedisCommand("PING")) == .status("PONG"))
        #expect(client.connectionNumber == 1)

        let running = Task {
            await failure { () throws(RedisError) in
                try await client.send(.block("outage", seconds: 60), deadline: .seconds(60))
            }
        }
        #expect(
            try await eventually {
                try await observer.send(RedisCommand("INFO", "clients")).string?.contains("blocked_clients:1") == true
            })
        server.stop()
        let lost = await running.value
        #expect(lost?.code == .connect)
        #expect(lost?.mayHaveRun == true)

        let away = await failure { () throws(RedisError) in
            try await client.send(RedisCommand("INCR", "outage:number"), deadline: .milliseconds(100))
        }
        #expect(away?.code == .connect)
        #expect(away?.mayHaveRun == false)

        // It waits for the server; the one before is not sent any more.
        async let waiting = client.send(RedisCommand("INCR", "outage:number"), deadline: .seconds(10))
        try await server.start()
        #expect(try await waiting.int == 1)
        #expect(client.connectionNumber == 2)
        #expect(client.statistics.reconnects == 1)
        #expect(client.statistics.connectionErrors >= 1)
    }

    @Test func underLoadNothingThatDidNotRunIsCalledRun() async throws {
        let server = try await PrivateRedis.start(["--appendonly", "yes", "--appendfsync", "always"])
        defer { server.stop() }
        let client = try client(server)
        defer { client.close() }
        // Every task adds its number until told; the answers are compared with what the server kept.
        let results = await withTaskGroup(of: [(Int, RedisError?)].self) { group in
            for task in 0..<16 {
                group.addTask {
                    var results: [(Int, RedisError?)] = []
                    for index in 0..<200 {
                        var add = RedisCommand("SADD", "outage:set")
                        let number = task * 1000 + index
                        add.append(number)
                        let command = add
                        let error = await failure { () throws(RedisError) in try await client.send(command) }
                        results.append((number, error))
                    }
                    return results
                }
            }
            group.addTask {
                for _ in 0..<2 {
                    _ = await eventually { client.statistics.inFlight > 0 }
                    server.stop()
                    try? await server.start()
                }
                return []
            }
            return await group.reduce(into: [(Int, RedisError?)]()) { $0 += $1 }
        }
        let reply = try await client.send(RedisCommand("SMEMBERS", "outage:set"), deadline: .seconds(10))
        let kept = Set((reply.array ?? []).compactMap(\.int))
        #expect(results.count == 3200)
        for (number, error) in results {
            if error == nil { #expect(kept.contains(number), "\(number) was acknowledged and is gone") }
            if error?.mayHaveRun == false { #expect(!kept.contains(number), "\(number) ran and was called not run") }
        }
    }

    @Test func aFrozenServerMeetsDeadlinesInTime() async throws {
        let server = try await PrivateRedis.start()
        defer { server.stop() }
        let client = try client(server)
        defer { client.close() }
        #expect(try await client.send(RedisCommand("PING")) == .status("PONG"))
        server.freeze()
        let watch = Stopwatch()
        let errors = await withTaskGroup(of: RedisError?.self) { group in
            for number in 0..<20 {
                group.addTask {
                    await failure { () throws(RedisError) in
                        try await client.send(RedisCommand("PING"), deadline: .milliseconds(100 + 10 * (number % 2)))
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(watch.elapsed >= .milliseconds(100))
        #expect(watch.granted < .seconds(BuildPace.slowness))
        #expect(errors.allSatisfy { $0?.code == .timedOut && $0?.mayHaveRun == true })
        server.thaw()
        #expect(try await client.send(RedisCommand("ECHO", "again")).string == "again")
        #expect(client.connectionNumber == 1)
    }

    @Test func aServerFrozenForLongIsLeftAndFoundAgain() async throws {
        let server = try await PrivateRedis.start()
        defer { server.stop() }
        let client = try client(server) {
            $0.silenceLimit = .milliseconds(200)
            $0.connectTimeout = .milliseconds(200)
        }
        defer { client.close() }
        #expect(try await client.send(RedisCommand("PING")) == .status("PONG"))
        server.freeze()
        let error = await failure { () throws(RedisError) in
            try await client.send(RedisCommand("PING"), deadline: .milliseconds(100))
        }
        #expect(error?.code == .timedOut)
        #expect(await eventually { !client.statistics.connected })
        let away = await failure { () throws(RedisError) in
            try await client.send(RedisCommand("PING"), deadline: .milliseconds(300))
        }
        #expect(away?.mayHaveRun == false)
        server.thaw()
        #expect(try await client.send(RedisCommand("PING"), deadline: .seconds(10)) == .status("PONG"))
        #expect(client.connectionNumber == 2)
    }

    @Test func reconnectMakesOneNewConnection() async throws {
        let server = try await PrivateRedis.start()
        defer { server.stop() }
        let client = try client(server)
        defer { client.close() }
        let before = try await client.send(RedisCommand("CLIENT", "ID")).int
        for _ in 0..<5 { client.reconnect(from: 1) }
        let after = try await client.send(RedisCommand("CLIENT", "ID")).int
        #expect(before != after)
        client.reconnect(from: 1)
        #expect(try await client.send(RedisCommand("CLIENT", "ID")).int == after)
        #expect(client.connectionNumber == 2)
        client.reconnect()
        #expect(try await client.send(RedisCommand("PING")) == .status("PONG"))
        #expect(client.connectionNumber == 3)
    }

    @Test func passwordAndDatabase() async throws {
        let server = try await PrivateRedis.start(["--requirepass", "p@ss word/密"])
        defer { server.stop() }
        let url = "redis://:p%40ss%20word%2F%E5%AF%86@127.0.0.1:\(server.port)"
        let third = RedisClient(try RedisConfiguration(url: url + "/3"), name: "third")
        let zeroth = RedisClient(try RedisConfiguration(url: url), name: "zeroth")
        defer {
            third.close()
            zeroth.close()
        }
        _ = try await third.send(RedisCommand("SET", "where", "3"))
        #expect(try await zeroth.send(RedisCommand("GET", "where")) == .null)
        #expect(try await zeroth.pipeline([RedisCommand("SELECT", "3"), RedisCommand("GET", "where")]).last?.int == 3)
    }

    @Test func attemptsToConnectGetRarer() async throws {
        let client = RedisClient(
            RedisConfiguration(address: .unix(path: PrivateServers.folder + "/none")), name: "none")
        defer { client.close() }
        // Pauses of 50, 100, 200, 400 and 800 ms, each shortened by up to a half.
        let watch = Stopwatch()
        #expect(await eventually { client.statistics.connectionErrors >= 6 })
        #expect(watch.elapsed >= .milliseconds(775))
        #expect(client.statistics.connectionErrors == 6)
    }

    @Test func aServerWithoutRoomSaysSo() async throws {
        let server = try await PrivateRedis.start(["--maxclients", "1"])
        defer { server.stop() }
        let first = try client(server)
        defer { first.close() }
        #expect(try await first.send(RedisCommand("PING")) == .status("PONG"))
        let second = try client(server)
        defer { second.close() }
        let error = await failure { () throws(RedisError) in
            try await second.send(RedisCommand("PING"), deadline: .milliseconds(300))
        }
        #expect(error?.message.contains("max number of clients") == true, "\(error?.message ?? "none")")
        first.close()
        #expect(try await second.send(RedisCommand("PING"), deadline: .seconds(10)) == .status("PONG"))
    }

    @Test(arguments: ["redis://:wrong@127.0.0.1:", "redis://127.0.0.1:"])
    func aRefusedGreetingIsSaidWithoutThePassword(url: String) async throws {
        let server = try await PrivateRedis.start(["--requirepass", "right"])
        defer { server.stop() }
        let client = RedisClient(try RedisConfiguration(url: url + "\(server.port)"), name: "refused")
        defer { client.close() }
        let error = await failure { () throws(RedisError) in
            try await client.send(RedisCommand("PING"), deadline: .milliseconds(300))
        }
        #expect(error?.code == .connect)
        #expect(error?.mayHaveRun == false)
        #expect(error.map { $0.message.contains("WRONGPASS") || $0.message.contains("NOAUTH") } == true)
        #expect(error.map { "\($0)".contains("wrong@") } == false)
        #expect(client.connectionNumber == 0)
    }
}
