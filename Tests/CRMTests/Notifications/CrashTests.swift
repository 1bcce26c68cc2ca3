import Channels
import Foundation
import Jobs
import OwnerThread
import Postgres
import TestSupport
import Testing

@testable import CRM

/// Attempts whose end nobody knows, and ends that nobody can write down at once.
@Suite struct NotifyCrashTests {
    /// As if the process had died between the lease and the settlement.
    private func die(_ lab: NotifyLab, _ delivery: Int, job: String) async throws {
        _ = try await lab.pool.query(
            """
            UPDATE paidan.delivery SET status = 'leased', attempt = attempt + 1, lease_owner = \(job),
                lease_until = paidan.now() + interval '10 minutes', frozen_body = coalesce(frozen_body, '\\x7b7d'),
                content_type = 'application/json'
            WHERE id = \(delivery)
            """)
    }

    @Test("a robot's message that may have arrived is sent once more, then left to a person")
    func robot() async throws {
        try await NotifyLab.with { lab in
            try await lab.assign(["张三"])
            let job = try #require(await lab.openJobs().first).job
            try await die(lab, 1, job: job)
            guard case .snooze(let wait) = try await lab.run(1) else {
                Issue.record("not tried again")
                return
            }
            #expect(wait > .seconds(3) && wait < .seconds(7))
            #expect(lab.provider.texts.isEmpty)
            try await lab.advance(wait)
            lab.provider.answers(.drop)
            try await lab.run(1)
            #expect(lab.provider.texts.count == 1)
            #expect(try await lab.text("SELECT status FROM paidan.delivery") == "ambiguous")
            try await lab.finish(within: .seconds(600))
            #expect(lab.provider.texts.count == 1)
            // As soon as a person says so.
            #expect(try await lab.resend(1))
            try await lab.finish(within: .seconds(60))
            #expect(try await lab.story() == ["sent"])
        }
    }

    @Test("a channel with the policy hold waits for a person, whatever jobs run")
    func hold() async throws {
        try await NotifyLab.with { lab in
            lab.replace("wecom") { WatchedChannel(real: $0, policy: .hold) }
            lab.provider.answers(.drop)
            try await lab.assign(["张三"])
            try await lab.advance(.seconds(5))
            try await lab.run(1)
            #expect(try await lab.text("SELECT status FROM paidan.delivery") == "held")
            #expect(try await lab.openJobs().isEmpty)
            try await lab.advance(.seconds(3600))
            #expect(try await lab.run(1, job: "another") == .done(result: Array("{\"state\":\"held\"}".utf8)))
            #expect(try await lab.requeueForgotten() == 0)
            #expect(lab.provider.texts.count == 1)
            #expect(try await lab.resend(1))
            try await lab.finish(within: .seconds(60))
            #expect(try await lab.story() == ["sent"])
        }
    }

    @Test("another's lease is left alone until it ends")
    func lease() async throws {
        try await NotifyLab.with(["assigned": ["mail"]]) { lab in
            try await lab.assign(["张三"])
            try await die(lab, 1, job: "somebody")
            #expect(try await lab.run(1) == .snooze(for: .seconds(5)))
            #expect(try await lab.text("SELECT status FROM paidan.delivery") == "leased")
            try await lab.advance(.seconds(601))
            try await lab.run(1)
            #expect(try await lab.story() == ["retry interrupted"])
        }
    }

    @Test("an attempt's end counts once, and not when somebody else goes on")
    func late() async throws {
        try await NotifyLab.with { lab in
            try await lab.assign(["张三"])
            let job = try #require(await lab.openJobs().first).job
            try await die(lab, 1, job: job)
            let channel = try #require(lab.channels.withLock { $0["wecom"] })
            let attempt = NotifyAttempt(
                lead: 1, channel: channel, to: .group, body: FrozenBody(bytes: [], contentType: "", items: 0..<0),
                number: 1,
                wasAmbiguous: false, expiresAt: nil)
            let settlement = NotifySettlement(job: job, delivery: 1, composer: MessageComposer(publicURL: ""))
            let limited = Channels.Outcome.rateLimited(
                key: channel.keyFingerprint, until: lab.now + 65_000, why: .init(code: "45009", text: ""))
            // A commit without an answer is repeated.
            for _ in 0..<2 { _ = try await lab.pool.transaction { try settlement.settle(attempt, limited, in: &$0) } }
            #expect(try await lab.count("SELECT attempt FROM paidan.delivery") == 0)
            try await die(lab, 1, job: job)
            try await die(lab, 1, job: job)
            // The second attempt is under way: what became of the first changes nothing.
            let refused = Channels.Outcome.permanent(kind: .content, code: "40058", hint: "")
            _ = try await lab.pool.transaction { try settlement.settle(attempt, refused, in: &$0) }
            #expect(try await lab.text("SELECT status FROM paidan.delivery") == "leased")
        }
    }

    @Test("the receipt of a job is for its own delivery", arguments: [1, 2])
    func receipt(own: Int) async throws {
        try await NotifyLab.with { lab in
            try await lab.assign(["张三"])
            let job = try #require(await lab.openJobs().first).job
            try await die(lab, 1, job: job)
            let channel = try #require(lab.channels.withLock { $0["wecom"] })
            let attempt = NotifyAttempt(
                lead: 1, channel: channel, to: .group, body: FrozenBody(bytes: [], contentType: "", items: 0..<0),
                number: 1, wasAmbiguous: false, expiresAt: nil)
            let settlement = NotifySettlement(job: job, delivery: own, composer: MessageComposer(publicURL: ""))
            _ = try await lab.pool.transaction { try settlement.settle(attempt, .delivered(id: nil), in: &$0) }
            #expect(try await lab.count("SELECT count(*) FROM paidan.job_receipt WHERE job_id = \(job)") == 2 - own)
        }
    }

    @Test("good news of an attempt that was given up as unknown still counts")
    func goodNews() async throws {
        try await NotifyLab.with { lab in
            try await lab.assign(["张三"])
            let job = try #require(await lab.openJobs().first).job
            try await die(lab, 1, job: job)
            try await lab.run(1)
            #expect(try await lab.story() == ["retry interrupted"])
            let channel = try #require(lab.channels.withLock { $0["wecom"] })
            let attempt = NotifyAttempt(
                lead: 1, channel: channel, to: .group, body: FrozenBody(bytes: [], contentType: "", items: 0..<0),
                number: 1,
                wasAmbiguous: false, expiresAt: nil)
            let settlement = NotifySettlement(job: "gone", delivery: 1, composer: MessageComposer(publicURL: ""))
            _ = try await lab.pool.transaction { try settlement.settle(attempt, .delivered(id: nil), in: &$0) }
            try await lab.finish(within: .seconds(60))
            #expect(try await lab.story() == ["sent"])
            #expect(lab.provider.texts.isEmpty)
        }
    }

    @Test("a database that is away after the send: the answer is written down when it is back", .timeLimit(.minutes(1)))
    func databaseAway() async throws {
        try await NotifyLab.with { lab in
            let name = try #require(await lab.text("SELECT current_database()"))
            let server = try await PrivateServers.postgres.value
            let back = Lock<Task<Void, any Error>?>(nil)
            lab.replace("wecom") { real in
                WatchedChannel(
                    real: real,
                    after: {
                        try await PostgresPool.with(server, sessions: 1) { admin in
                            _ = try await admin.query("ALTER DATABASE \(raw: name) ALLOW_CONNECTIONS false")
                            _ = try await admin.query(
                                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = \(name)")
                        }
                        back.withLock {
                            $0 = Task {
                                try await Task.sleep(for: .seconds(2.5))
                                try await PostgresPool.with(server, sessions: 1) { admin in
                                    _ = try await admin.query("ALTER DATABASE \(raw: name) ALLOW_CONNECTIONS true")
                                }
                            }
                        }
                    })
            }
            try await lab.assign(["张三"])
            try await lab.advance(.seconds(5))
            // Away longer than a transaction waits for it.
            var impatient = PostgresConfiguration(conninfo: lab.conninfo)
            impatient.sessions = 1
            impatient.deadline = .seconds(1)
            let outcome = try await PostgresPool.with(impatient) { pool in
                try await lab.job(pool).run(try #require(await lab.openJobs().first).job, 1)
            }
            #expect(outcome == .done(result: Array("{\"state\":\"sent\"}".utf8)))
            try await back.withLock { $0 }?.value
            #expect(try await lab.story() == ["sent"])
            #expect(lab.provider.texts.count == 1)
        }
    }

    @Test("while a message is sent no transaction is open, and its bytes and lease are committed")
    func outside() async throws {
        try await NotifyLab.with(["assigned": ["mail", "wecom"]]) { lab in
            let seen = Script<String>()
            for name in ["mail", "wecom"] {
                lab.replace(name) { real in
                    WatchedChannel(
                        real: real,
                        before: {
                            try await PostgresPool.with(lab.conninfo, sessions: 1) { other in
                                let row = try await other.query(
                                    """
                                    SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                                            AND pid <> pg_backend_pid() AND xact_start IS NOT NULL)
                                        || ' ' || (SELECT count(*) FROM paidan.delivery
                                            WHERE channel = \(name) AND status = 'leased' AND frozen_body IS NOT NULL)
                                        || ' ' || (SELECT count(*) FROM paidan.send_log)
                                    """)[0]
                                seen.add([try row.text(0)])
                            }
                        })
                }
            }
            try await lab.assign(["张三"])
            try await lab.advance(.seconds(5))
            try await lab.run(1)
            try await lab.run(2)
            let first = seen.next()
            let second = seen.next()
            #expect(first == "0 1 1" && second == "0 1 2")
            #expect(try await lab.story() == ["sent", "sent"])
        }
    }

    @Test("a job that is stopped while it sends still writes down what went out", .timeLimit(.minutes(1)))
    func stopped() async throws {
        try await NotifyLab.with(["assigned": ["mail"]]) { lab in
            let sending = Lock<Task<Void, any Error>?>(nil)
            lab.replace("mail") { real in
                WatchedChannel(real: real, after: { sending.withLock { $0 }?.cancel() })
            }
            try await lab.assign(["张三"])
            sending.withLock { $0 = Task { try await lab.run(1) } }
            try await waitUntil(within: .seconds(10), "a mail") { !lab.mailbox.mails.isEmpty }
            _ = await sending.withLock { $0 }?.result
            #expect(try await lab.story() == ["sent"])
        }
    }
}
