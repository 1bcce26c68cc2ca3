import Testing

@testable import PaidanCommand

@Suite("jobs.conf: wrong values") struct ConfRefusalTests {
    /// A line in its table, and what must be said of its key.
    struct Wrong: Sendable, CustomTestStringConvertible {
        let table: String
        let line: String
        let key: String
        let problem: String
        var testDescription: String { "[\(table)] \(line)" }

        init(_ table: String, _ line: String, _ key: String, _ problem: String) {
            self.table = table
            self.line = line
            self.key = key
            self.problem = problem
        }
    }

    static let values = [
        Wrong("log", "level = 'loud'", "log.level", "must be one of debug, info, warning, error"),
        Wrong("log", "level = 3", "log.level", "must be a string"),
        Wrong("log", "format = 'xml'", "log.format", "must be one of json, text, auto"),
        Wrong("redis", "url = 6379", "redis.url", "must be a string"),
        Wrong("redis", "url = 'http://127.0.0.1'", "redis.url", "must start with redis:// or unix:/"),
        Wrong("redis", "url = 'redis://127.0.0.1:x'", "redis.url", "port"),
        Wrong("postgres", "url = true", "postgres.url", "must be a string"),
        Wrong("postgres", "url = 'host'", "postgres.url", "malformed"),
        Wrong("postgres", "sessions = 0", "postgres.sessions", "must be 1 to 64, is 0"),
        Wrong("postgres", "sessions = 65", "postgres.sessions", "must be 1 to 64, is 65"),
        Wrong("postgres", "sessions = 4.0", "postgres.sessions", "must be a whole number"),
        Wrong("postgres", "sessions = '4'", "postgres.sessions", "must be a whole number"),
        Wrong("http", "listen = 8080", "http.listen", "must be a string"),
        Wrong("http", "listen = '8080'", "http.listen", "must be HOST:PORT"),
        Wrong("http", "listen = '127.0.0.1:65536'", "http.listen", "must be HOST:PORT"),
        Wrong("http", "listen = '127.0.0.1:+80'", "http.listen", "must be HOST:PORT"),
        Wrong("http", "listen = '::1:80'", "http.listen", "must be HOST:PORT"),
        Wrong("http", "listen = ':80'", "http.listen", "must be HOST:PORT"),
        Wrong("http", "max_body = 200", "http.max_body", "must be a string"),
        Wrong("http", "max_body = '200'", "http.max_body", "must be a size such as 64KB"),
        Wrong("http", "max_body = '1B'", "http.max_body", "must be 1024 to"),
        Wrong("http", "max_body = '99999999999999GB'", "http.max_body", "must be a size"),
        Wrong("http", "public_url = 1", "http.public_url", "must be a string"),
        Wrong("worker", "concurrency = 0", "worker.concurrency", "must be 1 to 10000"),
        Wrong("worker", "concurrency = true", "worker.concurrency", "must be a whole number"),
        Wrong("worker", "lease = '2999ms'", "worker.lease", "must be 3s to 5m, is 2999ms"),
        Wrong("worker", "lease = '301s'", "worker.lease", "must be 3s to 5m, is 301s"),
        Wrong("worker", "lease = 15", "worker.lease", "must be a string"),
        Wrong("worker", "lease = '15'", "worker.lease", "must be a duration such as 250ms, 15s"),
        Wrong("worker", "lease = '-15s'", "worker.lease", "must be a duration"),
        Wrong("worker", "lease = '+15s'", "worker.lease", "must be a duration"),
        Wrong("worker", "lease = '1.5m'", "worker.lease", "must be a duration"),
        Wrong("worker", "lease = 'soon'", "worker.lease", "must be a duration"),
        Wrong("worker", "drain = '61m'", "worker.drain", "must be 0 to 1h, is 61m"),
        Wrong("retention", "done = '1s'", "retention.done", "must be 1m to 365d"),
        Wrong("retention", "dead = '366d'", "retention.dead", "must be 1m to 365d"),
        Wrong("retention", "receipts = '30d'", "retention.receipts", "must be longer than retention.dead (30d)"),
        Wrong("retention", "sheets = '1h'", "retention.sheets", "must be 1d to 3650d"),
        Wrong("queues", "default = 5", "queues.default", "must be a table"),
        Wrong("queues.default", "weight = 0", "queues.default.weight", "must be 1 to 1000"),
        Wrong("queues.default", "weight = 'much'", "queues.default.weight", "must be a whole number"),
        Wrong("queues.assign", "weight = 1", "queues.assign", "is a reserved name"),
        Wrong("queues.Bulk", "weight = 1", "queues.Bulk", "must be 1 to 32 of a-z 0-9 _ -"),
        Wrong("kinds.noop", "enabled = 'yes'", "kinds.noop.enabled", "must be true or false"),
        Wrong("kinds.noop", "queue = 'slow'", "kinds.noop.queue", "names the queue \"slow\""),
        Wrong("kinds.noop", "max_attempts = 0", "kinds.noop.max_attempts", "must be 1 to 1000"),
        Wrong("kinds.noop", "timeout = '0'", "kinds.noop.timeout", "must be 1s to 1d"),
        Wrong("redis", "wait_replicas = 11", "redis.wait_replicas", "must be 0 to 10"),
        Wrong("kinds.noop", "concurrency = 0", "kinds.noop.concurrency", "must be 1 to 10000"),
        Wrong("kinds.noop", "rate = '100'", "kinds.noop.rate", "must be \"COUNT/TIME\""),
        Wrong("kinds.noop", "rate = '0/1m'", "kinds.noop.rate", "must be \"COUNT/TIME\""),
        Wrong("kinds.\"notify.sent\"", "timeout = '1m'", "kinds.\"notify.sent\"", "is an unknown kind of job"),
        Wrong("assignment", "strategy = 'random'", "assignment.strategy", "must be one of laps, block, smooth"),
        Wrong("expiry", "follow_up_days = 0", "expiry.follow_up_days", "must be 1 to 3650"),
        Wrong("expiry", "deal_days = '15'", "expiry.deal_days", "must be a whole number"),
        Wrong("expiry", "clock = 'lunar'", "expiry.clock", "must be one of natural, workday"),
        Wrong("expiry", "former_owner = 'nobody'", "expiry.former_owner", "must be one of any_former, last_owner"),
        Wrong("pool", "picks_per_day = -1", "pool.picks_per_day", "must be 0 to"),
        Wrong("pool", "cooldown_days = 3651", "pool.cooldown_days", "must be 0 to 3650"),
        Wrong("pool", "cool_off_days = false", "pool.cool_off_days", "must be a whole number"),
        Wrong("import", "gender = 'any'", "import.gender", "must be one of optional, required"),
        Wrong("import", "contact = ['strict']", "import.contact", "must be a string"),
        Wrong("notifications.birthday", "channels = []", "notifications.birthday", "is an unknown event"),
        Wrong(
            "notifications.assigned", "channels = 'mail'", "notifications.assigned.channels",
            "must be a list of strings"),
        Wrong(
            "notifications.assigned", "channels = [1]", "notifications.assigned.channels", "must be a list of strings"),
        Wrong(
            "notifications.assigned", "channels = ['mail']", "notifications.assigned.channels",
            "names the channel \"mail\""),
    ]

    @Test("a wrong value names its key and line", arguments: values)
    func value(_ wrong: Wrong) {
        let problems = Conf.problems("# a comment\n\n[\(wrong.table)]\n\(wrong.line)\n")
        #expect(problems.count == 1, "\(problems)")
        let text = problems.first ?? ""
        // A name of a table is wrong at the table's header.
        let isTable = wrong.table == wrong.key
        #expect(text.hasPrefix("jobs.conf:\(isTable ? 3 : 4): \(wrong.key) "), "\(text)")
        #expect(text.contains(wrong.problem), "\(text)")
    }

    @Test(
        "an unknown key in any table names itself and its line",
        arguments: [
            "log", "redis", "postgres", "http", "worker", "retention", "queues.default", "kinds.noop", "assignment",
            "expiry", "pool", "import", "notifications.assigned",
        ])
    func unknownKey(_ table: String) {
        #expect(Conf.problems("[\(table)]\n# one\nspeed = 1\n") == ["jobs.conf:3: \(table).speed is an unknown key"])
    }

    @Test("unknown keys and tables at the top, and tables within tables")
    func unknownTables() {
        #expect(Conf.problems("\nspeed = 1\n") == ["jobs.conf:2: speed is an unknown key"])
        #expect(Conf.problems("[http]\n[cache]\nsize = 1\n") == ["jobs.conf:2: cache is an unknown table"])
        #expect(Conf.problems("[redis]\n\n[redis.tls]\non = true\n") == ["jobs.conf:3: redis.tls is an unknown table"])
        #expect(Conf.problems("[[queues]]\nweight = 1\n") == ["jobs.conf:1: queues must be a table"])
        #expect(Conf.problems("http = '127.0.0.1:80'\n") == ["jobs.conf:1: http must be a table"])
    }

    @Test("all problems come at once, in the order of the file")
    func allAtOnce() {
        let problems = Conf.problems(
            """
            timezone = "Mars/Olympus"
            [import]
            gender = "any"
            [worker]
            lease = "1s"
            nap = 1
            [pool]
            picks_per_day = -1
            [redis]
            url = "x"
            """)
        #expect(
            problems.map { $0.prefix { $0 != " " } } == [
                "jobs.conf:1:", "jobs.conf:3:", "jobs.conf:5:", "jobs.conf:6:", "jobs.conf:8:", "jobs.conf:10:",
            ])
    }

    @Test("a text that is no TOML names the line and column, without the line's text")
    func syntax() {
        let problems = Conf.problems("[redis]\nurl = \"redis://:hunter2-secret@h/0\n")
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix("jobs.conf:2:") == true)
        #expect(problems.first?.contains("hunter2") == false)
        #expect(Conf.problems("a = 1\na = 2\n").first?.hasPrefix("jobs.conf:2:") == true)
        #expect(Conf.problems("[http]\n[http]\n").first?.hasPrefix("jobs.conf:2:") == true)
    }

    @Test(
        "schedules",
        arguments: [
            ("cron = '5 0 * *'", "schedules.s.cron", "fields"), ("cron = '61 0 * * *'", "schedules.s.cron", "minute"),
            ("cron = 'every day'", "schedules.s.cron", ""), ("cron = ''", "schedules.s.cron", "is empty"),
            ("cron = 5", "schedules.s.cron", "must be a string"),
            ("kind = 'pool.clean'", "schedules.s.kind", "unknown kind"),
            ("timezone = 'Asia/Shangri-La'", "schedules.s.timezone", "no known time zone"),
            ("args = '[1]'", "schedules.s.args", "must be a JSON object"),
            ("args = '{'", "schedules.s.args", "must be a JSON object"),
            ("catch_up = 1", "schedules.s.catch_up", "must be true or false"),
            ("every = '5m'", "schedules.s.every", "is an unknown key"),
        ])
    func schedules(_ line: String, _ key: String, _ problem: String) {
        var lines = ["[schedules.s]", line]
        if !line.hasPrefix("cron") { lines.append("cron = '@daily'") }
        if !line.hasPrefix("kind") { lines.append("kind = 'pool.sweep'") }
        let problems = Conf.problems(lines.joined(separator: "\n"))
        #expect(problems.count == 1, "\(problems)")
        #expect(problems.first?.hasPrefix("jobs.conf:2: \(key) ") == true, "\(problems)")
        #expect(problems.first?.contains(problem) == true, "\(problems)")
    }

    @Test(
        "names of schedules stand in paths and logs",
        arguments: [
            ("", false), ("a/b", false), (".", false), ("..", false), (" a", false), ("a\\u0007", false),
            (String(repeating: "a", count: 65), false), ("夜间 清理", true), ("a.b_c-1", true), ("...", true),
        ])
    func scheduleNames(_ name: String, _ isFine: Bool) throws {
        let text = "[schedules.\"\(name)\"]\ncron = '@daily'\nkind = 'pool.sweep'\n"
        if isFine {
            #expect(try Conf.parse(text).schedules.map(\.name) == [name])
        } else {
            #expect(Conf.problems(text).contains { $0.contains("must be a name") })
        }
    }

    @Test("a schedule without cron or kind names both at its header")
    func emptySchedule() {
        #expect(
            Conf.problems("\n[schedules.s]\n") == [
                "jobs.conf:2: schedules.s.cron is missing", "jobs.conf:2: schedules.s.kind is missing",
            ])
    }
}
