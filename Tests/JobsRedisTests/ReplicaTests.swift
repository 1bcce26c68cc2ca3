import Jobs
import JobsRedis
import Redis
import TestSupport
import Testing

/// An enqueue that waits for a replica.
@Suite struct ReplicaTests {
    @Test func anEnqueueWaitsForItsReplica() async throws {
        let master = try await PrivateRedis.start(["--repl-diskless-sync-delay", "0"])
        defer { master.stop() }
        let configuration = RedisConfiguration(address: .unix(path: master.socket))
        let client = RedisClient(configuration, name: "test")
        defer { client.close() }
        let store = RedisJobStore(client: client, configuration: configuration, queues: ["q"], waitReplicas: 1)
        defer { store.close() }
        // None is there: the caller hears that the job is stored and that a repeat is the same one.
        let job = NewJob(id: "a", kind: "noop", queue: "q")
        let refused = Task { () async -> StoreError? in
            do throws(StoreError) {
                _ = try await store.enqueue([job])
                return nil
            } catch { return error }
        }
        // Others are not held up meanwhile.
        let watch = Stopwatch()
        try await eventually("stored") { try await store.job("a") != nil }
        #expect(watch.granted < .milliseconds(900))
        let error = await refused.value
        #expect(error?.code == .notReplicated && error?.mayHaveRun == true && error?.isInfrastructure == true)
        #expect(error?.message.contains("repeat with the same ids") == true)
        // One is there: a repeat is the same job, and what is answered is on the replica.
        let replica = try await PrivateRedis.start(["--replicaof", "127.0.0.1", "\(master.port)"])
        defer { replica.stop() }
        let second = RedisClient(RedisConfiguration(address: .unix(path: replica.socket)), name: "replica")
        defer { second.close() }
        try await eventually("in sync") {
            try await second.send(RedisCommand("INFO", "replication")).string?.contains("master_link_status:up") == true
        }
        var answers: [Enqueued] = []
        try await eventually("answered") {
            answers = (try? await store.enqueue([job])) ?? []
            return !answers.isEmpty
        }
        #expect(answers == [.init(id: "a", outcome: .existing(.id))])
        for number in 0..<50 {
            _ = try await store.enqueue([NewJob(id: "b\(number)", kind: "noop", queue: "q")])
            #expect(try await second.send(RedisCommand("EXISTS", "paidan:{q}:job:b\(number)")).int == 1)
        }
        // Gone again: told again.
        replica.stop()
        await #expect(throws: StoreError.self) {
            try await store.enqueue([NewJob(id: "c", kind: "noop", queue: "q")])
        }
        #expect(try await store.census("q").difference == 0)
    }
}
