import Foundation
import Jobs
import JobsRedis
import OwnerThread
import Postgres
import TestSupport
import Testing

/// What a process holds does not grow with what it has done. Short by itself; `LEAK_JOBS=1000000` and
/// `LEAK_REQUESTS=200000` make it the whole proof, `SCENARIO_PROGRAM` takes another build of the program.
@Suite("leaks", .serialized)
struct LeakTests {
    /// KiB that may come and go: allocators keep some of what is free.
    static let slack = 4096

    static func size(_ name: String, _ short: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? short
    }

    @Test("a worker's memory does not grow with the jobs it has done")
    func jobs() async throws {
        try await World.with { world in
            let service = try await world.serve("worker")
            let all = Self.size("LEAK_JOBS", 45_000)
            // What a process fills once (caches, pools, the allocator's arenas) is filled after a third, at latest.
            let early = max(all / 5, min(20_000, all / 3))
            try await Self.drain(early, from: 0, world)
            let before = try ProcessUse(of: service.process.pid)
            try await Self.drain(all - early, from: early, world)
            let after = try ProcessUse(of: service.process.pid)
            print("LeakTests: after \(early) jobs \(before); after \(all) \(after)")
            #expect(after.privateMemory - before.privateMemory < Self.slack)
            #expect(after.openFiles <= before.openFiles + 2 && after.threads <= before.threads + 2)
        }
    }

    /// In waves, so that neither the list nor the finished ones fill Redis.
    private static func drain(_ count: Int, from first: Int, _ world: World) async throws {
        let wave = 5000
        for start in stride(from: first, to: first + count, by: wave) {
            let end = min(start + wave, first + count)
            for part in stride(from: start, to: end, by: 1000) {
                let jobs = (part..<min(part + 1000, end)).map { NewJob(id: "l\($0)", kind: "noop", queue: "default") }
                _ = try await world.store.enqueue(jobs)
            }
            try await until("\(end) jobs are done", within: .seconds(60)) {
                try await world.store.census("default").succeeded == end
            }
            while try await world.store.prune(done: .zero, dead: .zero) > 0 {}
        }
    }

    @Test("the server's memory and files do not grow with the requests it has answered, good, bad or cut off")
    func requests() async throws {
        try await World.with { world in
            let service = try await world.serve("api")
            let all = Self.size("LEAK_REQUESTS", 6000)
            let early = all / 3
            try await Self.ask(early, from: 0, world, service)
            let before = try await Self.use(of: service)
            try await Self.ask(all - early, from: early, world, service)
            let after = try await Self.use(of: service)
            print("LeakTests: after \(early) requests \(before); after \(all) \(after)")
            #expect(after.privateMemory - before.privateMemory < Self.slack)
            #expect(after.openFiles <= before.openFiles + 4, "\(before) \(after)")
            #expect(try await world.count("SELECT count(*)::int FROM paidan.import_file") == 0)
        }
    }

    /// Connections that were cut off are gone after a moment.
    private static func use(of service: Service) async throws -> ProcessUse {
        var least = try ProcessUse(of: service.process.pid)
        try await until("connections end", within: .seconds(10)) {
            let now = try ProcessUse(of: service.process.pid)
            let isQuiet = now.openFiles >= least.openFiles
            least = now
            if !isQuiet { try await Task.sleep(for: .milliseconds(200)) }
            return isQuiet
        }
        return least
    }

    /// 50 requests a connection, of each kind some; each tenth connection ends in the middle of something.
    private static func ask(_ count: Int, from first: Int, _ world: World, _ service: Service) async throws {
        for start in stride(from: first, to: first + count, by: 50) {
            let connection = try RawHTTP(port: service.port)
            let number = start / 50
            if number % 10 == 3 {
                // An upload that stops in the middle, and a request that is not even a whole line.
                connection.send(Array(upload(world.token).utf8) + Array(repeating: 0x61, count: 100_000))
                try RawHTTP(port: service.port).send(Array("POST /v1/jo".utf8))
                continue
            }
            var text = (0..<49).map { request(start + $0, world.token) }.joined()
            text += "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            if number % 10 == 7 {
                // Asks and does not stay for the answers.
                connection.send(Array(text.utf8))
                continue
            }
            let answers = await connection.exchange(text)
            guard answers.contains("HTTP/1.1 202"), answers.contains("HTTP/1.1 422"), answers.contains("HTTP/1.1 400")
            else { throw ScenarioError("not answered: \(answers.prefix(400))") }
        }
    }

    private static func request(_ number: Int, _ token: String) -> String {
        let (body, path) =
            switch number % 5 {
            case 0, 1: (#"{"kind":"noop"}"#, "/v1/jobs")
            case 2: (#"{"kind":"nobody"}"#, "/v1/jobs")
            case 3: ("{broken", "/v1/jobs")
            default: ("{}", "/v1/jobs/01h0000000000000000000000\(number % 10)/retry")
            }
        return "POST \(path) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n"
            + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private static func upload(_ token: String) -> String {
        "POST /v1/imports HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\nContent-Type: text/csv\r\n"
            + "Content-Disposition: attachment; filename=\"a.csv\"\r\nContent-Length: 1000000\r\n\r\n"
    }

    @Test("a thousand connections from one address stay open and are served")
    func connections() async throws {
        OpenFiles.raiseLimit()
        try await World.with { world in
            let service = try await world.serve("api")
            let before = try ProcessUse(of: service.process.pid)
            let health = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
            var open: [RawHTTP] = []
            for _ in 0..<1000 {
                let connection = try RawHTTP(port: service.port)
                let answer = await connection.exchange(health, until: "\r\n\r\n")
                guard answer.hasPrefix("HTTP/1.1 200") else {
                    throw ScenarioError("connection \(open.count + 1): \(answer)")
                }
                open.append(connection)
            }
            let full = try ProcessUse(of: service.process.pid)
            print("LeakTests: with 1000 connections \(full); before \(before)")
            #expect(full.openFiles >= before.openFiles + 1000)
            // The first as well as the last, and one more.
            for connection in [open[0], open[500], open[999], try RawHTTP(port: service.port)] {
                let answer = await connection.exchange(request(0), until: "\r\n\r\n")
                #expect(answer.hasPrefix("HTTP/1.1 202"), "\(answer)")
            }
            func request(_ number: Int) -> String { Self.request(number, world.token) }
            open = []
            try await until("the server lets go of them", within: .seconds(10)) {
                try ProcessUse(of: service.process.pid).openFiles <= before.openFiles + 8
            }
        }
    }
}

extension Service {
    var port: Int { url.split(separator: ":").last.flatMap { Int($0) } ?? 0 }
}
