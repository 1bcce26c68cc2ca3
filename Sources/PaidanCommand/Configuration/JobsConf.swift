import CRM
import Jobs
import Logging
import Observability
import Postgres
import Redis
import TOMLKit

/// Everything jobs.conf can say, checked. The shipped `jobs.conf` is the manual; defaults stand here and there.
struct JobsConf: Sendable {
    var timezone = "Asia/Shanghai"
    var log = Log()
    var redis: RedisConfiguration
    /// Replicas that must have a job before its enqueue is answered.
    var waitReplicas: Int
    var postgres: PostgresConfiguration
    var http = HTTP()
    var worker = Worker()
    var retention = Retention()
    /// Sorted by name.
    var queues: [Queue] = []
    var kinds: [String: KindOverride] = [:]
    var schedules: [Schedule] = []
    var business = Business()
    var channels: [ChannelEntry] = []
    /// Event type → names of channels.
    var notifications: [String: [String]] = [:]
    /// Every secret value met, for the redactor.
    var secrets: [Secret] = []

    struct Log: Sendable {
        var level = Logger.Level.info
        var format = LineLogHandler.Format.auto
    }

    struct HTTP: Sendable {
        var host = "127.0.0.1"
        /// 0 takes any free port.
        var port = 8080
        /// Bytes of one request body.
        var maxBody = 200 << 20
        /// What links in messages start with; empty leaves links out.
        var publicURL = ""
    }

    struct Worker: Sendable {
        var concurrency = 64
        var lease = Duration.seconds(15)
        var drain = Duration.seconds(25)
    }

    /// How long ended things are kept.
    struct Retention: Sendable {
        var done = Duration.seconds(86_400)
        var dead = Duration.seconds(30 * 86_400)
        /// Longer than dead jobs, so that a retried dead job still meets its receipt.
        var receipts = Duration.seconds(60 * 86_400)
        /// The bytes of an uploaded sheet; its rows and counts stay.
        var sheets = Duration.seconds(30 * 86_400)
    }

    struct Queue: Sendable {
        var name: String
        var weight: Int
    }

    struct KindOverride: Sendable {
        var enabled: Bool?
        var queue: String?
        var maxAttempts: Int?
        var timeout: Duration?
        var concurrency: Int?
        var rate: Rate?
    }

    struct Schedule: Sendable {
        var name: String
        var cron: String
        var kind: String
        /// JSON object.
        var args: String
        var timezone: String
        var catchUp: Bool
    }

    /// Settings of the business rules, as their modules take them.
    struct Business: Sendable {
        var strategy = StrategyChoice.laps
        var followUpDays = 3
        var dealDays = 15
        var clock = ClockRule.natural
        var formerOwner = FormerOwnerRule.anyFormer
        var picksPerDay = 0
        var cooldownDays = 0
        var coolOffDays = 0
        var gender = GenderRule.optional
        var contact = ContactRule.strict
    }

    enum FormerOwnerRule: String, Sendable, CaseIterable {
        case anyFormer = "any_former"
        case lastOwner = "last_owner"
    }
    enum ClockRule: String, Sendable, CaseIterable { case natural, workday }
    enum GenderRule: String, Sendable, CaseIterable { case optional, required }
    enum ContactRule: String, Sendable, CaseIterable { case strict, loose }
    enum StrategyChoice: String, Sendable, CaseIterable { case laps, block, smooth }
}

extension JobsConf {
    /// Reads and checks a whole file.
    ///
    /// - Parameters:
    ///   - text: TOML.
    ///   - name: how the file is called in errors.
    /// - Throws: `ConfError` with every problem found, in the order of the file.
    init(parsing text: String, name: String, sources: ConfSources) throws {
        // Editors of Windows put a byte order mark in front.
        let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        let notes = ConfNotes()
        let root: TOMLTable
        do {
            root = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            let at = error.source.begin
            throw ConfError(problems: ["\(name):\(at.line):\(at.column): \(error.description)"])
        }
        var table = ConfTable(root: root, file: name, lines: ConfLines(text), sources: sources, notes: notes)
        (redis, waitReplicas) = Self.readRedis(&table, notes)
        postgres = Self.readPostgres(&table, notes)
        readServer(&table)
        readJobs(&table)
        readBusiness(&table)
        readChannels(&table)
        table.finish()
        guard notes.problems.isEmpty else { throw ConfError(problems: notes.problems) }
        secrets = notes.secrets
    }
}
