import ArgumentParser
import CRM
import Channels
import Jobs
import JobsPostgres
import JobsRedis
import Postgres
import Redis

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check configuration, Redis, PostgreSQL, schedules and channels; nothing is sent.",
        discussion: """
            One line each: ok, warn or fail, with the mend. Exit 1 only if something fails.

            Example: paidan doctor --config /etc/paidan/jobs.conf
            """)

    @OptionGroup var config: ConfigOption
    @OptionGroup var json: JSONFlag

    func run() async throws {
        let conf = try config.load()
        let composition = Composition(conf)
        defer { composition.close() }
        var findings = [Finding(.ok, "configuration", "the file is sound")]
        findings += await RedisExamination(composition: composition).findings()
        findings += await PostgresExamination(composition: composition).findings()
        findings += await ScheduleExamination(composition: composition).findings()
        findings += await CalendarExamination(composition: composition).findings()
        findings += ChannelExamination.findings(conf)
        if json.isOn {
            try Output.json(Items(items: findings))
        } else {
            for finding in findings { Output.data(finding.line) }
        }
        if findings.contains(where: { $0.level == .fail }) { throw ExitCode(1) }
    }
}

/// One line of the doctor.
struct Finding: Encodable, Sendable {
    enum Level: String, Encodable, Sendable { case ok, warn, fail }

    let level: Level
    let what: String
    let message: String

    init(_ level: Level, _ what: String, _ message: String) {
        self.level = level
        self.what = what
        self.message = message
    }

    var line: String {
        let name = level.rawValue.padded(4)
        return "\(name)  \(what): \(message)"
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

/// Redis: version, persistence, eviction, function library, census.
struct RedisExamination {
    let composition: Composition

    func findings() async -> [Finding] {
        var findings: [Finding] = []
        do {
            let info = try await information()
            findings += version(info) + persistence(info)
            findings += try await settings(isPersistent: info["aof_enabled"] == "1")
            if !findings.contains(where: { $0.what == "redis version" && $0.level == .fail }) {
                findings += try await census()
            }
        } catch {
            findings.append(Finding(.fail, "redis", "no answer (\(error)); is it running, and is redis.url right?"))
        }
        return findings
    }

    private func information() async throws -> [String: String] {
        let text = try await composition.redis.send(RedisCommand("INFO")).string ?? ""
        var values: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let halves = line.split(separator: ":", maxSplits: 1)
            if halves.count == 2 { values[String(halves[0])] = String(halves[1]) }
        }
        return values
    }

    private func version(_ info: [String: String]) -> [Finding] {
        let version = info["redis_version"] ?? "unknown"
        let major = version.split(separator: ".").first.flatMap { Int($0) } ?? 0
        guard major >= 7 || info["valkey_version"] != nil else {
            return [Finding(.fail, "redis version", "\(version) is too old; 7.0 is the least")]
        }
        return [Finding(.ok, "redis version", info["valkey_version"].map { "valkey \($0)" } ?? version)]
    }

    private func persistence(_ info: [String: String]) -> [Finding] {
        guard info["aof_enabled"] == "1" else {
            return [
                Finding(
                    .warn, "redis persistence",
                    "appendonly is off: jobs that entered by HTTP or LPUSH are lost when Redis ends. Use deploy/redis.conf."
                )
            ]
        }
        return [Finding(.ok, "redis persistence", "append-only file is on")]
    }

    private func settings(isPersistent: Bool) async throws -> [Finding] {
        var findings: [Finding] = []
        // Without an append-only file there is nothing to sync.
        if isPersistent, let fsync = try await setting("appendfsync") {
            findings.append(
                fsync == "always"
                    ? Finding(.ok, "redis appendfsync", fsync)
                    : Finding(
                        .warn, "redis appendfsync",
                        "is \(fsync): jobs of the last second are lost with the machine. Set appendfsync always."))
        }
        if let policy = try await setting("maxmemory-policy") {
            findings.append(
                policy == "noeviction"
                    ? Finding(.ok, "redis maxmemory-policy", policy)
                    : Finding(
                        .fail, "redis maxmemory-policy",
                        "is \(policy): Redis throws jobs away when its memory is full. Set maxmemory-policy noeviction."
                    ))
        }
        return findings
    }

    /// - Returns: nil where the server does not let us ask.
    private func setting(_ name: String) async throws -> String? {
        do {
            return try await composition.redis.send(RedisCommand("CONFIG", "GET", name)).array?.last?.string
        } catch  where error.code == .server {
            return nil
        }
    }

    private func census() async throws -> [Finding] {
        var findings: [Finding] = []
        for queue in composition.conf.queues {
            let census = try await composition.store.census(queue.name)
            guard census.difference != 0 else { continue }
            findings.append(
                Finding(
                    .fail, "queue \(queue.name)",
                    "the census does not balance: \(census.difference) of \(census.enqueued) jobs are unaccounted for"))
        }
        return findings.isEmpty ? [Finding(.ok, "census", "every job is accounted for")] : findings
    }
}

/// PostgreSQL: version, migrations, time zone data, clock, permissions.
struct PostgresExamination {
    let composition: Composition

    func findings() async -> [Finding] {
        do {
            var findings = try await server()
            findings += try await migrations()
            if findings.contains(where: { $0.level == .fail }) { return findings }
            findings += try await permissions()
            findings += try await invariants()
            return findings
        } catch {
            return [
                Finding(.fail, "postgresql", "no answer (\(error)); is it running, and is postgres.url right?")
            ]
        }
    }

    private func server() async throws -> [Finding] {
        let before = ContinuousClock.now
        let zone = composition.conf.timezone
        let row = try await composition.pool.query(
            """
            SELECT current_setting('server_version_num')::int, current_setting('fsync') = 'on',
                (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
                EXISTS (SELECT FROM pg_timezone_names WHERE name = \(zone))
            """)[0]
        let trip = ContinuousClock.now - before
        var findings: [Finding] = []
        let version = try row.int(0)
        findings.append(
            version >= 150_000
                ? Finding(.ok, "postgresql version", "\(version / 10_000).\(version % 10_000)")
                : Finding(.fail, "postgresql version", "\(version / 10_000) is too old; 15 is the least"))
        if try !row.bool(1) {
            findings.append(
                Finding(.warn, "postgresql fsync", "is off: a power cut loses committed work. Set fsync = on."))
        }
        if try !row.bool(3) {
            findings.append(Finding(.fail, "time zone", "PostgreSQL does not know \(zone); install its time zone data"))
        }
        let skew = try row.int(2) - WallClock.milliseconds()
        let allowed = 2000 + Int(trip / .milliseconds(1))
        findings.append(
            abs(skew) > allowed
                ? Finding(
                    .warn, "clock", "this machine and PostgreSQL differ by \(skew) ms; business times are PostgreSQL's")
                : Finding(.ok, "clock", "this machine and PostgreSQL agree"))
        return findings
    }

    private func migrations() async throws -> [Finding] {
        let states = try await Migrator(pool: composition.pool, migrations: Stores.migrations).status()
        let newer = states.filter { $0.state == .unknown }
        if let first = newer.first {
            return [
                Finding(
                    .warn, "migrations",
                    "\(newer.count) are of a newer release, first \(first.name): this program works beside it, update it"
                )
            ]
        }
        let missing = states.filter { $0.state != .applied }
        guard let first = missing.first else { return [Finding(.ok, "migrations", "\(states.count) applied")] }
        return [
            Finding(
                .fail, "migrations",
                "\(missing.count) are not as they should be, first \(first.name) (\(first.state)); "
                    + "run `paidan migrate`")
        ]
    }

    private func permissions() async throws -> [Finding] {
        let invalid = try await PermissionAudit(pool: composition.pool).invalidPatterns()
        return invalid.map { pattern in
            Finding(
                .fail, "permission \(pattern.code)",
                "its url \(pattern.problem) and grants nothing; mend rbac_permission \(pattern.id)")
        }
    }

    private func invariants() async throws -> [Finding] {
        let violations = try await composition.pool.transaction(deadline: .seconds(1800)) {
            try Invariants.violations(in: &$0)
        }
        guard !violations.isEmpty else { return [Finding(.ok, "invariants", "all hold")] }
        return violations.map { violation in
            let name = violation.prefix { $0 != ":" }
            let promise = Invariants.all.first { $0.name == name }?.promise ?? "all hold"
            let row = violation.dropFirst(name.count + 1)
            return Finding(.fail, "invariant \(name)", "broken by\(row); it says: \(promise)")
        }
    }
}

/// Channels: what can be seen without sending.
enum ChannelExamination {
    static func findings(_ conf: JobsConf) -> [Finding] {
        if conf.channels.isEmpty {
            return [Finding(.warn, "channels", "none is configured: nobody is told of anything")]
        }
        return conf.channels.map { Finding(.ok, "channel \($0.name)", "\($0.type.rawValue), settings are sound") }
    }
}
