import Jobs
import JobsRedis
import Redis
import Testing

/// What other programs may push, and what becomes of it: a job, or a dead one that says why; never a stuck queue.
@Suite struct ForeignTests {
    func push(_ f: Fixture, _ bytes: [UInt8]) async throws {
        var command = RedisCommand("LPUSH", "paidan:{\(f.queue)}:ready")
        command.append(bytes)
        _ = try await f.client.send(command)
    }

    @Test(arguments: [
        "[1,2]", "[]", "7", "-1e400", "null", "true", #""text""#, "", "   ", "{", #"{"kind":"#, #"{"kind":"noop"}}"#,
        #"{"kind":"noop","args":{}} trailing"#, #"{"kind":"noop",}"#, #"{"kind" "noop"}"#, "{kind:noop}", "\0",
        "\u{FEFF}{}",
        #"{"kind":"noop","id":5}"#, #"{"kind":"noop","id":""}"#, #"{"kind":"noop","key":""}"#,
        #"{"kind":"noop","key":[]}"#,
        #"{"kind":5}"#, #"{"kind":null}"#, #"{"kind":"a b"}"#, #"{"kind":""}"#,
    ])
    func whatIsNoJobIsDeadAndSaysWhy(_ text: String) async throws {
        let f = try await Fixture()
        try await f.push(text)
        try await f.push(#"{"kind":"noop","id":"behind"}"#)
        let session = try await f.open(1)
        #expect(try await f.take(session, 5, from: 1).map(\.id) == ["behind"])
        let dead = try await f.store.jobs(JobFilter(state: .dead, queue: f.queue), cursor: nil, limit: 5).jobs
        #expect(dead.count == 1)
        #expect(["bad_args", "unknown_kind"].contains(dead.first?.error?.code), "\(dead)")
        #expect(dead.first?.error?.message.isEmpty == false)
        let census = try await f.store.census(f.queue)
        #expect(census.enqueued == 2 && census.dead == 1 && census.inFlight == 1 && census.foreign == 0)
        try await f.expectBalance()
    }

    @Test func oddFormsThatAreJobs() async throws {
        let f = try await Fixture()
        let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
        let noText: [UInt8] = [0xFF, 0xC0, 0x80]
        let invalid = Array(#"{"s":""#.utf8) + noText + Array(#""}"#.utf8)
        let largest = #"{"s":""# + String(repeating: "a", count: 65_536 - 8) + #""}"#
        let forms: [(id: String, args: [UInt8])] = [
            ("deep", Array(#"{"a":\#(deep)}"#.utf8)), ("huge", Array(#"{"n":1e400,"m":123456789012345678901}"#.utf8)),
            ("number", Array("5".utf8)), ("list", Array("[{}]".utf8)), ("text", Array(#""}{][""#.utf8)),
            ("invalid", invalid), ("largest", Array(largest.utf8)),
        ]
        for (id, args) in forms {
            try await push(
                f, Array(#"{"args":"#.utf8) + args + Array(#","kind":"noop","id":"\#(id)","more":[{"kind":1}]}"#.utf8))
        }
        let session = try await f.open(1)
        let claims = try await f.take(session, 20, from: 1)
        #expect(claims.map(\.id) == forms.map(\.id))
        for (claim, form) in zip(claims, forms) { #expect(claim.args == form.args, "\(form.id)") }
        // And through a worker: what does not decode is dead, nothing crashes, nothing is retried for ever.
        #expect(try await f.store.release(session: session) == forms.count)
        try await PoolTests().withPool(f, [.noop()]) { _ in
            try await eventually("settled") {
                let census = try await f.store.census(f.queue)
                return census.waiting + census.inFlight + census.delayed == 0
            }
        }
        for id in ["number", "list", "text"] {
            #expect(try await f.store.job(id)?.error?.code == "bad_args", "\(id)")
        }
        for id in ["deep", "largest"] { #expect(try await f.state(id) == .succeeded, "\(id)") }
        try await f.expectBalance()
    }

    @Test func tooLargeUnknownOrThereAlready() async throws {
        let f = try await Fixture()
        let large = #"{"s":""# + String(repeating: "a", count: 70_000) + #""}"#
        try await f.push(#"{"kind":"noop","id":"large","args":\#(large)}"#)
        try await f.push(#"{"kind":"nobody.knows","id":"unknown"}"#)
        try await f.push(#"{"kind":"noop","id":"one","key":"k"}"#)
        try await f.push(#"{"kind":"noop","id":"one","args":{"again":1}}"#)
        try await f.push(#"{"kind":"noop","id":"two","key":"k"}"#)
        try await PoolTests().withPool(f, [.noop()]) { _ in
            try await eventually("settled") {
                let census = try await f.store.census(f.queue)
                return census.foreign + census.waiting + census.inFlight == 0
            }
        }
        let census = try await f.store.census(f.queue)
        // The repeats of an id and of a key that is held are no jobs, unless the first had ended before.
        #expect(census.dead == 2 && census.succeeded >= 1 && census.succeeded <= 2, "\(census)")
        #expect(try await f.store.job("unknown")?.error?.code == "unknown_kind")
        #expect(try await f.store.job("one")?.args == Array("{}".utf8))
        let dead = try await f.store.jobs(JobFilter(state: .dead, queue: f.queue), cursor: nil, limit: 5).jobs
        #expect(Set(dead.compactMap { $0.error?.code }) == ["bad_args", "unknown_kind"])
        try await f.expectBalance()
    }
}
