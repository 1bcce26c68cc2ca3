import Channels
import Curl
import Foundation
import Jobs
import JobsPostgres
import Logging
import Observability
import OwnerThread
import Postgres
import TestSupport
import Testing

@testable import CRM

/// A migrated database of one test, people to write to, real channels over fake providers, and a clock to turn.
final class NotifyLab: Sendable {
    let pool: PostgresPool
    let conninfo: String
    let provider: FakeProvider
    let mailbox: FakeSMTPServer
    private let mailScript: Script<FakeSMTPServer.Action>
    let channels = Lock<[String: any Channel]>([:])
    private let routes = Lock<[String: [NotificationRoutes.Route]]>([:])
    private let offset = Lock<Int64>(0)
    private let clients = CurlClient()

    private init(_ pool: PostgresPool, _ conninfo: String) async throws {
        self.pool = pool
        self.conninfo = conninfo
        provider = try FakeProvider()
        let script = Script<FakeSMTPServer.Action>()
        mailScript = script
        mailbox = try FakeSMTPServer(try await TestCertificate.shared.value) { step in
            if case .final = step { return script.next() }
            return nil
        }
        var settings = EmailSettings(url: mailbox.url, from: "销售助手 <crm@example.com>")
        settings.caFile = try await TestCertificate.shared.value.certificate
        settings.username = "crm"
        settings.password = Secret("a-password")
        let mail = try Email(name: "mail", settings: settings, client: clients)
        let wecom = try WeComRobot(
            name: "wecom", settings: WeComRobotSettings(url: Secret(provider.url + "/cgi-bin/webhook/send?key=k-1")),
            client: clients, now: { [offset] in wallClock() + offset.withLock { $0 } })
        let ding = try DingTalkRobot(
            name: "ding", settings: DingTalkRobotSettings(url: Secret(provider.url + "/robot/send?access_token=t-1")),
            client: clients, now: { [offset] in wallClock() + offset.withLock { $0 } })
        channels.withLock { $0 = ["mail": mail, "wecom": wecom, "ding": ding] }
    }

    /// - Parameter routes: event to names of channels.
    static func with(
        _ routes: [String: [String]] = ["assigned": ["wecom"]], _ body: (NotifyLab) async throws -> Void
    ) async throws {
        try await FreshDatabase.with(template: "notify", prepare: prepare) { conninfo in
            try await PostgresPool.with(conninfo, sessions: 4) { pool in
                let lab = try await NotifyLab(pool, conninfo)
                lab.routes.withLock {
                    $0 = routes.mapValues { $0.map { .init(channel: $0, speaksToGroup: $0 != "mail") } }
                }
                try await body(lab)
                let broken = try await pool.transaction { try Invariants.violations(in: &$0) }
                #expect(broken.isEmpty)
                lab.mailbox.stop()
                lab.provider.server.stop()
            }
        }
    }

    /// Sellers 1 李一 and 2 王二, 3 赵三 without an address; managers with the accounts 11 and 12, 13 who left; 21 uploads.
    private static func prepare(_ conninfo: String) async throws {
        try await PostgresPool.with(conninfo, sessions: 1) { pool in
            try await Migrator(pool: pool, migrations: EngineMigrations.all + CRMMigrations.all).migrate { _ in }
            try await pool.transaction { tx in
                try tx.run(
                    script: """
                        INSERT INTO rbac_user (id, username, email, is_active) VALUES
                            (11, 'jingli', 'jingli@example.com', true), (12, 'zongjian', 'zongjian@example.com', true),
                            (13, 'qianren', 'qianren@example.com', false), (21, 'yunying', 'yunying@example.com', true);
                        INSERT INTO rbac_role (id, title) VALUES (901, '经理'), (902, '总监');
                        INSERT INTO rbac_role_permissions (role_id, permission_id)
                            SELECT r.id, p.id FROM rbac_role r, rbac_permission p
                            WHERE r.id IN (901, 902) AND p.code = 'customer.all';
                        INSERT INTO rbac_user_roles (user_id, role_id) VALUES
                            (11, 901), (11, 902), (12, 902), (13, 901);
                        INSERT INTO crm_userinfo (id, name, username, email, depart_id) VALUES
                            (1, '李一', 'liyi', 'liyi@example.com', 1001), (2, '王二', 'wanger', 'wanger@example.com', 1001),
                            (3, '赵三', 'zhaosan', '', 1001);
                        """)
            }
        }
    }

    // MARK: time

    /// Turns the clocks of the database and of the channels.
    func advance(_ time: Duration) async throws {
        let now = offset.withLock { offset in
            offset += Int64(time / .milliseconds(1))
            return offset
        }
        _ = try await pool.query(
            """
            INSERT INTO paidan.setting (name, value) VALUES ('clock_offset', \("\(now) milliseconds"))
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            """)
    }

    /// Milliseconds since 1970 on those clocks.
    var now: Int64 { wallClock() + offset.withLock { $0 } }

    // MARK: events

    var publisher: DeliveryPublisher { DeliveryPublisher { [routes] in NotificationRoutes(routes.withLock { $0 }) } }

    func publish(_ events: [NewEvent]) async throws {
        let publisher = publisher
        try await pool.transaction { try publisher.publish(events, in: &$0) }
    }

    /// One event for each name: the customer goes to seller 1.
    func assign(_ names: [String], to user: Int = 1) async throws {
        try await publish(names.map { Self.assigned($0, to: user) })
    }

    static func assigned(_ name: String, to user: Int = 1) -> NewEvent {
        let payload =
            "{\"user_id\":\(user),\"count\":1,\"first_expiry\":\"2026-11-27\",\"customers\":[{\"id\":5,\"name\":\"\(name)\",\"qq_last4\":\"4321\"}]}"
        return NewEvent(
            type: "assigned", subject: "customer:5", dedupeKey: "assigned:customer:\(name)",
            payload: Array(payload.utf8))
    }

    static func noCapacity(_ since: Int = 1) -> NewEvent {
        NewEvent(
            type: "no_capacity", subject: "assignment", dedupeKey: "no_capacity:\(since)",
            payload: Array("{\"waiting\":7,\"since\":\(since)}".utf8))
    }

    // MARK: work

    /// Deliveries whose jobs have not ended, by job.
    func openJobs() async throws -> [(job: String, delivery: Int)] {
        try await pool.query(
            """
            SELECT o.id::text, (o.args ->> 'delivery_id')::bigint FROM paidan.outbox o
            WHERE o.kind = 'notify.send' AND NOT EXISTS (SELECT FROM paidan.job_receipt r WHERE r.job_id = o.id::text)
            ORDER BY o.seq
            """
        ).map { (try $0.text(0), try $0.int(1)) }
    }

    var job: NotifyJob { job(pool) }

    func job(_ pool: PostgresPool) -> NotifyJob {
        NotifyJob(
            pool: pool, channels: { [channels] in channels.withLock { $0 } }, publicURL: "https://crm.example.com",
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @discardableResult
    func run(_ delivery: Int, job id: String? = nil) async throws -> Jobs.Outcome {
        let open = try await openJobs()
        return try await job.run(id ?? open.first { $0.delivery == delivery }?.job ?? "job-\(delivery)", delivery)
    }

    /// Runs every open job once.
    @discardableResult
    func round() async throws -> [Jobs.Outcome] {
        var outcomes: [Jobs.Outcome] = []
        for open in try await openJobs() { outcomes.append(try await job.run(open.job, open.delivery)) }
        return outcomes
    }

    /// Runs the jobs until none is open, each when its sleep is over, turning the clock on in between.
    func finish(within limit: Duration = .seconds(48 * 3600)) async throws {
        let end = now + Int64(limit / .milliseconds(1))
        var due: [String: Int64] = [:]
        while now < end {
            let open = try await openJobs()
            if open.isEmpty { return }
            for open in open where due[open.job] ?? 0 <= now {
                if case .snooze(let time) = try await job.run(open.job, open.delivery) {
                    due[open.job] = now + Int64(time / .milliseconds(1)) + 1
                } else {
                    due[open.job] = nil
                }
            }
            let next = try await openJobs().map { due[$0.job] ?? 0 }.min()
            if let next, next > now { try await advance(.milliseconds(next - now)) }
        }
        throw LabError(message: "jobs still open after \(limit)")
    }

    /// The next mails' fates at the final dot.
    func mails(_ fates: FakeSMTPServer.Action?...) { mailScript.add(fates) }

    func resend(_ delivery: Int) async throws -> Bool {
        try await pool.transaction { try DeliveryStore.resend(delivery, in: &$0) }
    }

    func requeueForgotten() async throws -> Int {
        try await pool.transaction { try DeliveryStore.requeueForgotten(in: &$0) }
    }

    // MARK: looking

    /// `status` or `status code` of each delivery, oldest first.
    func story() async throws -> [String] {
        try await pool.query("SELECT status, errcode FROM paidan.delivery ORDER BY id").map { row in
            try row.text(0) + (row.optionalText(1).map { " " + $0 } ?? "")
        }
    }

    func count(_ sql: SQL) async throws -> Int { try await pool.query(sql)[0].int(0) }

    func text(_ sql: SQL) async throws -> String? { try await pool.query(sql).first?.optionalText(0) }

    /// Replaces a channel, for instance by one that is watched.
    func replace(_ name: String, _ change: (any Channel) -> (any Channel)?) {
        channels.withLock { channels in
            if let old = channels[name] { channels[name] = change(old) }
        }
    }
}

/// Milliseconds since 1970.
func wallClock() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

/// Fates in their order; then nil, the usual.
final class Script<Fate: Sendable>: Sendable {
    private let fates = Lock<[Fate?]>([])
    func add(_ more: [Fate?]) { fates.withLock { $0 += more } }
    func next() -> Fate? { fates.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
}

/// The robots' provider: takes everything that its script and its rule do not refuse.
final class FakeProvider: Sendable {
    let server: FakeHTTPServer
    private let script: Script<FakeHTTPServer.Reply>
    private let rule: Lock<@Sendable (String) -> FakeHTTPServer.Reply?>
    var url: String { server.url }

    init() throws {
        let script = Script<FakeHTTPServer.Reply>()
        let rule = Lock<@Sendable (String) -> FakeHTTPServer.Reply?>({ _ in nil })
        self.script = script
        self.rule = rule
        server = try FakeHTTPServer { request in
            script.next() ?? rule.withLock { $0 }(request.text) ?? .json("{\"errcode\":0,\"errmsg\":\"ok\"}")
        }
    }

    func answers(_ fates: FakeHTTPServer.Reply?...) { script.add(fates) }

    func errcode(_ code: Int, times: Int = 1) {
        script.add(Array(repeating: .json("{\"errcode\":\(code),\"errmsg\":\"no\"}"), count: times))
    }

    func answers(_ rule: @escaping @Sendable (String) -> FakeHTTPServer.Reply?) { self.rule.withLock { $0 = rule } }

    /// What people read, of each request.
    var texts: [String] {
        server.requests.map { request in
            let object = try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]
            let inner = (object?["markdown"] ?? object?["text"]) as? [String: Any]
            return (inner?["content"] ?? inner?["text"]) as? String ?? ""
        }
    }
}

/// A channel that does something around each send.
struct WatchedChannel: Channel {
    let real: any Channel
    var before: @Sendable () async throws -> Void = {}
    var after: @Sendable () async throws -> Void = {}
    var policy: AmbiguousPolicy?
    var quietHours: [QuietHours] = []

    var name: String { real.name }
    var type: ChannelType { real.type }
    var keyFingerprint: String { real.keyFingerprint }
    var limits: ChannelLimits { real.limits }
    var ambiguousPolicy: AmbiguousPolicy { policy ?? real.ambiguousPolicy }

    func bodies(for digest: Digest, to recipient: Recipient) -> [FrozenBody] { real.bodies(for: digest, to: recipient) }

    func send(_ body: FrozenBody, to recipient: Recipient) async -> Channels.Outcome {
        do { try await before() } catch { Issue.record(error) }
        let outcome = await real.send(body, to: recipient)
        do { try await after() } catch { Issue.record(error) }
        return outcome
    }
}
