import Foundation
import Observability
import Postgres
import Redis
import Testing

@testable import PaidanCommand

@Suite("jobs.conf: env:, file: and overrides") struct ConfSourceTests {
    @Test("values come from the environment and from files, numbers and flags too")
    func outside() throws {
        let conf = try Conf.parse(
            """
            timezone = "env:ZONE"
            [redis]
            url = "file:/run/redis-url"
            [postgres]
            sessions = "env:SESSIONS"
            [worker]
            lease = "env:LEASE"
            [kinds.noop]
            enabled = "env:NOOP"
            """, environment: ["ZONE": "Europe/Berlin", "SESSIONS": "7", "LEASE": "20s", "NOOP": "true"],
            files: ["/run/redis-url": "redis://:p%40ss%2Fw%25rd@redis.example.com:6380/3\n\n"])
        #expect(conf.timezone == "Europe/Berlin")
        #expect(conf.postgres.timeZone == "Europe/Berlin")
        #expect(conf.postgres.sessions == 7)
        #expect(conf.worker.lease == .seconds(20))
        #expect(conf.kinds["noop"]?.enabled == true)
        #expect(conf.redis.address == .tcp(host: "redis.example.com", port: 6380))
        #expect(conf.redis.password == "p@ss/w%rd")
        #expect(conf.redis.database == 3)
        #expect(conf.secrets.map(\.exposed) == ["p@ss/w%rd"])
    }

    @Test(
        "a missing one names the variable or the path, whichever key asks",
        arguments: [
            ("", "timezone"), ("redis", "url"), ("postgres", "sessions"), ("worker", "lease"), ("http", "max_body"),
            ("kinds.noop", "enabled"), ("import", "gender"), ("channels.mail", "password"),
        ])
    func missing(_ table: String, _ key: String) {
        let head = table.isEmpty ? "" : "[\(table)]\n"
        let rest = table == "channels.mail" ? "type = 'email'\nurl = 'smtp://h'\nusername = 'a@example.com'\n" : ""
        let name = (table.isEmpty ? "" : table + ".") + key
        let line = table.isEmpty ? 1 : 2
        #expect(
            Conf.problems("\(head)\(key) = 'env:NOT_THERE'\n\(rest)").contains(
                "jobs.conf:\(line): \(name) names the environment variable NOT_THERE, which is not set"))
        #expect(
            Conf.problems("\(head)\(key) = 'file:/not/there'\n\(rest)").contains(
                "jobs.conf:\(line): \(name) names the file /not/there, which cannot be read"))
    }

    @Test("what stands outside is never repeated, whatever key it was meant for")
    func hidden() {
        let keys = [
            "timezone = 'env:X'", "log = {level = 'env:X'}", "log = {format = 'env:X'}", "redis = {url = 'env:X'}",
            "postgres = {url = 'env:X'}", "postgres = {sessions = 'env:X'}", "http = {listen = 'env:X'}",
            "http = {max_body = 'env:X'}", "worker = {lease = 'env:X'}", "kinds = {noop = {queue = 'env:X'}}",
            "schedules = {s = {kind = 'pool.sweep', cron = 'env:X'}}",
            "schedules = {s = {kind = 'env:X', cron = '@daily'}}",
            "schedules = {s = {kind = 'pool.sweep', cron = '@daily', timezone = 'env:X'}}",
            "channels = {c = {type = 'env:X'}}", "notifications = {assigned = {channels = ['env:X']}}",
            "channels = {c = {type = 'email', url = 'smtp://h', quiet_hours = 'env:X'}}",
        ]
        for key in keys {
            let problems = Conf.problems(key, environment: ["X": "canary secret"])
            #expect(!problems.joined().contains("canary"), "\(key): \(problems)")
        }
    }

    @Test("the three variables override their keys; an empty one counts as none")
    func overrides() throws {
        let text = "[redis]\nurl = 'redis://a/1'\n[postgres]\nurl = 'host=a'\n[http]\nlisten = '127.0.0.1:1'\n"
        var conf = try Conf.parse(
            text,
            environment: [
                "PAIDAN_REDIS_URL": "unix:/tmp/r.sock?db=2", "PAIDAN_POSTGRES_URL": "host=b password=pw-in-override",
                "PAIDAN_HTTP_LISTEN": "[::1]:0",
            ])
        #expect(conf.redis.address == .unix(path: "/tmp/r.sock"))
        #expect(conf.postgres.conninfo == "host=b password=pw-in-override")
        #expect(conf.http.host == "::1")
        #expect(conf.http.port == 0)
        #expect(conf.secrets.map(\.exposed) == ["pw-in-override"])
        conf = try Conf.parse(
            text, environment: ["PAIDAN_REDIS_URL": "", "PAIDAN_POSTGRES_URL": "", "PAIDAN_HTTP_LISTEN": ""])
        #expect(conf.redis.address == .tcp(host: "a", port: 6379))
        #expect(conf.postgres.conninfo == "host=a")
        #expect(conf.http.port == 1)
    }

    @Test("a wrong override names the variable and not what it holds; the key it replaces is checked all the same")
    func wrongOverrides() {
        let problems = Conf.problems(
            "[redis]\nurl = 'nonsense'\n",
            environment: [
                "PAIDAN_REDIS_URL": "redis://h", "PAIDAN_POSTGRES_URL": "canary", "PAIDAN_HTTP_LISTEN": "canary",
            ])
        #expect(problems.count == 3, "\(problems)")
        let text = problems.joined(separator: "\n")
        #expect(text.contains("jobs.conf:2: redis.url "))
        #expect(text.contains("PAIDAN_POSTGRES_URL"))
        #expect(text.contains("PAIDAN_HTTP_LISTEN"))
        #expect(!text.contains("canary"))
    }
}
