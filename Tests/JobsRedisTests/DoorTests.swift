import Jobs
import JobsRedis
import Redis
import Testing

@Suite struct DoorTests {
    @Test func aKeyWhoseHolderIsGoneIsTakenOver() async throws {
        let f = try await Fixture()
        var a = f.job("a")
        a.key = "k"
        _ = try await f.store.enqueue([a])
        _ = try await f.client.send(RedisCommand("DEL", "paidan:{\(f.queue)}:job:a"))
        var b = f.job("b")
        b.key = "k"
        #expect(try await f.store.enqueue([b])[0].untimed == .init(id: "b", outcome: .created))
    }

    @Test func foreignPushesGetIdentityOrDie() async throws {
        let f = try await Fixture()
        let args = #"{"a":[[],{}],"n":1e400,"s":"}\"]"}"#
        try await f.push(#" { "args" : \#(args) , "kind":"noop", "key":"fore\u0069gn" } "#)
        try await f.push(#"{"kind":"noop","id":"mine","args":[]}"#)
        try await f.push(#"{"kind":"noop","id":"mine"}"#)
        try await f.push(#"{"kind":"noop","key":"foreign"}"#)
        try await f.push("{broken")
        try await f.push("no json")
        try await f.push(#"{"args":{}}"#)
        try await f.push(#"{"kind":"noop","id":"white space"}"#)
        var census = try await f.store.census(f.queue)
        #expect(census.foreign == 8 && census.enqueued == 0 && census.difference == 0)
        let session = try await f.open(1)
        let claims = try await f.take(session, 20, from: 1)
        #expect(claims.count == 2)
        #expect(claims[0].args == Array(args.utf8) && claims[0].id.utf8.count == 26 && claims[0].hasKey)
        #expect(claims[1].id == "mine" && claims[1].args == Array("[]".utf8))
        census = try await f.store.census(f.queue)
        #expect(census.foreign == 0 && census.enqueued == 6 && census.dead == 4 && census.difference == 0)
        let dead = try await f.store.jobs(JobFilter(state: .dead, queue: f.queue), cursor: nil, limit: 50).jobs
        #expect(Set(dead.compactMap { $0.error?.code }) == ["bad_args", "unknown_kind"])
    }

    @Test func theLibraryIsLoadedAgain() async throws {
        // FUNCTION FLUSH hits all tests of the shared server, which must not mind either.
        let f = try await Fixture()
        _ = try await f.store.enqueue([f.job("a")])
        _ = try await f.client.send(RedisCommand("FUNCTION", "FLUSH"))
        #expect(try await f.state("a") == .queued)
        let session = try await f.open(1)
        #expect(try await f.take(session, 1, from: 1).count == 1)
    }
}
