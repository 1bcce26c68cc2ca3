import Curl
import Foundation
import Jobs
import JobsRedis
import Postgres
import TestSupport
import Testing

/// What an HTTP client is told.
struct Told {
    let status: Int
    let retryAfter: Int?
    let code: String?
    let detail: String
    let body: String
    let took: Duration

    /// The answer of a service whose store is away.
    func isUnavailable(_ words: String) -> Bool {
        status == 503 && retryAfter != nil && code == "unavailable" && detail.contains(words)
            && detail.contains("again later")
    }
}

extension World {
    func ask(
        _ service: Service, _ method: String, _ path: String, _ body: String? = nil, token: String? = nil,
        timeout: Duration = .seconds(20)
    ) async throws -> Told {
        var headers = [("Authorization", "Bearer \(token ?? self.token)")]
        if body != nil { headers.append(("Content-Type", "application/json")) }
        var request = HTTPRequest(
            method, service.url + path, headers: headers.map { (name: $0.0, value: $0.1) },
            body: Array((body ?? "").utf8))
        request.timeout = timeout
        let watch = Stopwatch()
        let answer = try await curl.send(request)
        let took = watch.granted
        struct Problem: Decodable {
            let code: String?
            let detail: String?
        }
        let problem = try? JSONDecoder().decode(Problem.self, from: Data(answer.body))
        return Told(
            status: answer.status, retryAfter: answer.header("retry-after").flatMap { Int($0) }, code: problem?.code,
            detail: problem?.detail ?? "", body: String(decoding: answer.body, as: UTF8.self), took: took)
    }

    /// Puts a job in over HTTP.
    func enqueueNoop(_ service: Service, _ args: String = "{}") async throws -> Told {
        try await ask(service, "POST", "/v1/jobs", "{\"kind\":\"noop\",\"args\":\(args)}")
    }

    /// Runs the program's command line.
    ///
    /// - Returns: its exit code and what it wrote to standard error.
    func command(
        _ arguments: String..., environment: [String: String] = [:]
    ) async throws -> (code: ChildProcess.End, message: String) {
        let process = try await ChildProcess.start(
            Program.path, arguments + ["--config", folder + "/jobs.conf"], environment: environment,
            log: folder + "/command-\(UInt32.random(in: 0...UInt32.max))")
        let end = try await process.finish()
        return (end, process.log)
    }

    /// The command line fails with one sentence.
    func checkCommands(
        _ environment: [String: String] = [:], words: String, _ at: SourceLocation = #_sourceLocation
    ) async throws {
        async let enqueue = command("enqueue", "noop", environment: environment)
        async let list = command("jobs", "list", environment: environment)
        for (code, message) in [try await enqueue, try await list] {
            #expect(code == .exited(1), "\(message)", sourceLocation: at)
            #expect(
                message.contains(words) && message.split(separator: "\n").count == 1, "\(message)", sourceLocation: at)
        }
    }

    /// Jobs of kind noop, put in by this process.
    func noops(_ count: Int, _ name: String, args: String = "{}", maxAttempts: Int? = nil) async throws -> [String] {
        let jobs = (0..<count).map {
            NewJob(
                id: "\(name)-\($0)", kind: "noop", args: Array(args.utf8), queue: "default", maxAttempts: maxAttempts)
        }
        _ = try await store.enqueue(jobs)
        return jobs.map(\.id)
    }

    /// All have succeeded in their first attempt, and every job is accounted for.
    func checkDone(_ ids: [String], within limit: Duration, _ at: SourceLocation = #_sourceLocation) async throws {
        var left = ids[...]
        do {
            try await until("\(ids.count) jobs done", within: limit) {
                while let id = left.first {
                    guard let job = try? await store.job(id), job.state == .succeeded else { return false }
                    #expect(job.attempt == 1, "\(id)", sourceLocation: at)
                    left.removeFirst()
                }
                return true
            }
        } catch {
            let state = try? await store.job(left.first ?? "")?.state
            throw ScenarioError("\(error): \(left.first ?? "") is \(state?.rawValue ?? "unknown")\n\(logs)")
        }
        for queue in ["bulk", "critical", "default"] {
            let census = try await store.census(queue)
            #expect(census.difference == 0 && census.dead == 0, "\(queue): \(census)", sourceLocation: at)
        }
    }

    /// Waits until the service says that it is ready.
    func ready(_ service: Service, within limit: Duration = .seconds(10)) async throws {
        let began = ContinuousClock.now
        try await until("the service is ready", within: limit) {
            try await ask(service, "GET", "/readyz").status == 200
        }
        FileHandle.standardError.write(Data("ready after \(ContinuousClock.now - began)\n".utf8))
    }
}

extension Service {
    /// A trouble is named, but not again and again.
    func checkLog(
        names words: String, lines limit: Int = 120, _ at: SourceLocation = #_sourceLocation
    ) {
        let lines = process.log.split(separator: "\n").filter {
            $0.contains("\"warning\"") || $0.contains("\"notice\"")
        }
        #expect(lines.contains { $0.contains(words) }, "nothing says \(words)", sourceLocation: at)
        #expect(
            lines.count <= limit, "\(lines.count) lines\n\(lines.suffix(20).joined(separator: "\n"))",
            sourceLocation: at)
        #expect(!process.log.contains("sesame"), "a secret is in the log", sourceLocation: at)
        #expect(process.end == nil, sourceLocation: at)
    }
}
