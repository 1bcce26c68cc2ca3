import Redis
import TestSupport
import Testing

@Suite struct PatienceTests {
    @Test("nobody waits for a server that has been away for long, and all goes on when it is back")
    func away() async throws {
        let server = try await PrivateRedis.start()
        defer { server.stop() }
        var configuration = try RedisConfiguration(url: "unix:\(server.socket)")
        configuration.patience = .milliseconds(300)
        let client = RedisClient(configuration, name: "patient")
        defer { client.close() }
        #expect(try await client.send(RedisCommand("PING")) == .status("PONG"))
        server.stop()
        #expect(await eventually { !client.statistics.connected })
        let watch = Stopwatch()
        let error = await failure { () throws(RedisError) in try await client.send(RedisCommand("PING")) }
        #expect(error?.code == .connect && error?.mayHaveRun == false)
        #expect(watch.granted < .seconds(3))
        for _ in 0..<20 {
            let watch = Stopwatch()
            let error = await failure { () throws(RedisError) in try await client.send(RedisCommand("PING")) }
            #expect(error?.code == .connect)
            #expect(watch.granted < .seconds(1))
        }
        try await server.start()
        #expect(
            await eventually {
                await failure { () throws(RedisError) in try await client.send(RedisCommand("PING")) } == nil
            })
    }

    @Test func whatPassesIsTheServersTrouble() async throws {
        let server = try await PrivateRedis.start(["--min-replicas-to-write", "1"])
        defer { server.stop() }
        let client = RedisClient(try RedisConfiguration(url: "unix:\(server.socket)"), name: "refused")
        defer { client.close() }
        let passing = await failure { () throws(RedisError) in try await client.send(RedisCommand("SET", "a", "1")) }
        #expect(passing?.prefix == "NOREPLICAS" && passing?.isInfrastructure == true)
        let lasting = await failure { () throws(RedisError) in try await client.send(RedisCommand("NONSENSE")) }
        #expect(lasting?.code == .server && lasting?.isInfrastructure == false)
    }
}
