import CRM
import Redis
import TestSupport
import Testing

@testable import PaidanCommand

@Suite("Redis seller list") struct RedisSellerListTests {
    private func slots(_ cycle: Int, _ positions: ClosedRange<Int>) -> [SlotToken] {
        positions.map { SlotToken(cycle: cycle, position: $0, user: 7) }
    }

    private func load(_ cycle: Int, _ stamp: Int, _ open: [SlotToken], _ whole: [SlotToken]) -> CycleLoad {
        CycleLoad(cycle: cycle, stamp: stamp, rankVersion: 3, open: open, whole: whole)
    }

    /// The keys have fixed names, so each test has a server of its own.
    private func with(_ body: (RedisSellerList, RedisClient) async throws -> Void) async throws {
        let server = try await PrivateRedis.start()
        let client = RedisClient(try RedisConfiguration(url: "unix:" + server.socket), name: "list")
        defer {
            client.close()
            server.stop()
        }
        try await body(RedisSellerList(client), client)
    }

    private func texts(_ key: String, _ client: RedisClient) async throws -> [String] {
        try await client.send(RedisCommand("LRANGE", "paidan:{assign}:" + key, "0", "-1")).array?.compactMap(\.string)
            ?? []
    }

    @Test("a load is handed out in order, and its copy stays whole")
    func order() async throws {
        try await with { list, client in
            try await list.load(load(1, 10, slots(1, 2...5), slots(1, 1...5)))
            #expect(try await list.pop(3) == slots(1, 2...4))
            #expect(try await list.pop(3) == slots(1, 5...5))
            #expect(try await list.pop(3) == [])
            #expect(try await texts("origin", client) == ["1:1:7", "1:2:7", "1:3:7", "1:4:7", "1:5:7"])
        }
    }

    @Test("given back tokens come first again, in their order")
    func giveBack() async throws {
        try await with { list, _ in
            try await list.load(load(1, 10, slots(1, 1...4), slots(1, 1...4)))
            let popped = try await list.pop(2)
            try await list.giveBack(popped)
            #expect(try await list.pop(4) == slots(1, 1...4))
        }
    }

    @Test("an older load and tokens of an older cycle change nothing")
    func guarded() async throws {
        try await with { list, _ in
            try await list.load(load(2, 10, slots(2, 1...2), slots(2, 1...2)))
            try await list.load(load(1, 99, slots(1, 1...9), slots(1, 1...9)))
            try await list.load(load(2, 9, slots(2, 1...1), slots(2, 1...2)))
            try await list.giveBack(slots(1, 3...3))
            #expect(try await list.pop(9) == slots(2, 1...2))
            try await list.load(load(2, 11, slots(2, 2...2), slots(2, 1...2)))
            #expect(try await list.pop(9) == slots(2, 2...2))
        }
    }

    @Test("a reload request is cleared by a load of that version, not by an older one")
    func reset() async throws {
        try await with { list, client in
            try await list.requestReload(version: 4)
            try await list.load(load(1, 1, [], []))
            #expect(try await client.send(RedisCommand("GET", "paidan:{assign}:reset")).string == "4")
            try await list.load(CycleLoad(cycle: 2, stamp: 1, rankVersion: 4, open: [], whole: []))
            #expect(try await client.send(RedisCommand("GET", "paidan:{assign}:reset")) == .null)
        }
    }

    @Test("a cycle of fifty thousand slots, and texts that are no tokens")
    func large() async throws {
        try await with { list, client in
            _ = try await client.send(RedisCommand("RPUSH", "paidan:{assign}:list", "x", "1:1"))
            #expect(try await list.pop(1) == [])
            let all = slots(1, 1...50_000)
            try await list.load(load(1, 1, all, all))
            #expect(try await list.pop(50_000) == all)
        }
    }
}
