import TestSupport
import Testing

@testable import Postgres

@Suite struct ListenerTests {
    private static func next(_ listener: PostgresListener) async -> String? {
        for await channel in listener.notifications { return channel }
        return nil
    }

    @Test("a notification comes, and once more after each reconnect")
    func reconnects() async throws {
        try await PrivatePostgres.with { server in
            let listener = PostgresListener(conninfo: server.conninfo, channels: ["paidan_outbox"])
            defer { listener.close() }
            try await PostgresPool.with(server.conninfo, sessions: 1) { pool async throws in
                #expect(await Self.next(listener) == "paidan_outbox")
                _ = try await pool.query("SELECT pg_notify('other', 'x'), pg_notify('paidan_outbox', 'y')")
                #expect(await Self.next(listener) == "paidan_outbox")
                try await server.kill()
                try await server.launch()
                #expect(await Self.next(listener) == "paidan_outbox")
                _ = try await pool.query("NOTIFY paidan_outbox")
                #expect(await Self.next(listener) == "paidan_outbox")
                listener.close()
                #expect(await Self.next(listener) == nil)
            }
        }
    }

    @Test("several channels, with names that need quotes")
    func channels() async throws {
        let conninfo = try await PrivateServers.postgres.value
        let names = ["Odd \"name", "b\(UInt64.random(in: 0...UInt64.max))"]
        let listener = PostgresListener(conninfo: conninfo, channels: names)
        defer { listener.close() }
        #expect(await Self.next(listener) == names[0])
        #expect(await Self.next(listener) == names[1])
        try await PostgresPool.with(conninfo) { pool async throws in
            _ = try await pool.query("SELECT pg_notify(\(names[1]), n::text) FROM generate_series(1, 1000) n")
            #expect(await Self.next(listener) == names[1])
            _ = try await pool.query("SELECT pg_notify(\(names[0]), '')")
            // The thousand come in as many parts as there were looks between them.
            var next = await Self.next(listener)
            while next == names[1] { next = await Self.next(listener) }
            #expect(next == names[0])
        }
    }

    @Test(
        "what came while nobody looked is one for each channel, in the order of the first; nothing comes after the end")
    func coalesced() async throws {
        let signals = Signals()
        for _ in 1...1000 {
            signals.put("b")
            signals.put("a")
        }
        #expect(await signals.next() == "b")
        signals.put("b")
        #expect(await signals.next() == "a")
        #expect(await signals.next() == "b")
        async let waiting = signals.next()
        signals.put("c")
        #expect(await waiting == "c")
        signals.put("a")
        signals.finish()
        signals.put("b")
        #expect(await signals.next() == nil)
    }

    @Test("a cancelled consumer comes free")
    func cancelled() async throws {
        let listener = PostgresListener(conninfo: try await PrivateServers.postgres.value, channels: ["c"])
        let task = Task {
            var count = 0
            for await _ in listener.notifications { count += 1 }
            return count
        }
        task.cancel()
        #expect(await task.value <= 1)
        listener.close()
    }
}
