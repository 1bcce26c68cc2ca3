import Channels
import Foundation
import Jobs
import OwnerThread
import Postgres
import TestSupport
import Testing

@testable import CRM

/// Channels that do not work, and deliveries that come back.
@Suite struct TroubleTests {
    @Test("wrong settings open the breaker: deliveries are held, one probe every 10 minutes, then all go")
    func config() async throws {
        try await NotifyLab.with { lab in
            lab.provider.errcode(93000, times: 2)
            try await lab.assign(["张三"])
            try await lab.advance(.seconds(5))
            try await lab.round()
            #expect(try await lab.story() == ["held 93000"])
            #expect(try await lab.count("SELECT attempt FROM paidan.delivery") == 0)
            try await lab.assign(["李四", "王五"])
            // Nobody tries before the probe's time.
            for _ in 0..<4 {
                try await lab.advance(.seconds(120))
                try await lab.round()
            }
            #expect(try await lab.story() == ["held 93000", "held 93000", "held 93000"])
            #expect(lab.provider.texts.count == 1)
            try await lab.advance(.seconds(121))
            try await lab.round()
            #expect(lab.provider.texts.count == 2)
            try await lab.advance(.seconds(605))
            try await lab.finish(within: .seconds(300))
            #expect(try await lab.story() == ["sent", "sent", "merged"])
            #expect(try await lab.text("SELECT is_open::text FROM paidan.channel_state") == "false")
        }
    }

    @Test("a look that sends nothing uses up no probe")
    func probe() async throws {
        try await NotifyLab.with { lab in
            let key = try #require(lab.channels.withLock { $0["wecom"]?.keyFingerprint })
            _ = try await lab.pool.query(
                """
                INSERT INTO paidan.channel_state (channel_key, is_open, probe_at, code, hint)
                VALUES (\(key), true, paidan.now() - interval '1 second', '93000', 'x')
                """)
            try await lab.assign(["张三"])
            // It waits for company first.
            try await lab.round()
            #expect(lab.provider.texts.isEmpty)
            try await lab.advance(.seconds(5))
            try await lab.round()
            #expect(try await lab.story() == ["sent"])
        }
    }

    @Test("refused credentials are not tried again until a person closes the breaker")
    func credentials() async throws {
        try await NotifyLab.with(["assigned": ["mail"]]) { lab in
            lab.mails(.reply("535 5.7.8 bad password"))
            try await lab.assign(["张三"])
            try await lab.round()
            #expect(try await lab.story() == ["held 535 5.7.8"])
            for _ in 0..<10 {
                try await lab.advance(.seconds(3600))
                try await lab.round()
            }
            #expect(lab.mailbox.commands.filter { $0 == "." }.count == 1)
            _ = try await lab.pool.query("UPDATE paidan.channel_state SET is_open = false")
            try await lab.finish(within: .seconds(300))
            #expect(try await lab.story() == ["sent"])
        }
    }

    @Test("a channel that is switched off holds its deliveries until it is back, or they are worth nothing")
    func switchedOff() async throws {
        try await NotifyLab.with(["assigned": ["mail"]]) { lab in
            try await lab.assign(["张三"])
            let mail = lab.channels.withLock { $0["mail"] }
            lab.replace("mail") { _ in nil }
            try await lab.round()
            #expect(try await lab.story() == ["held no_channel"])
            lab.channels.withLock { $0["mail"] = mail }
            try await lab.finish(within: .seconds(300))
            #expect(try await lab.story() == ["sent"])

            try await lab.assign(["李四"])
            lab.replace("mail") { _ in nil }
            try await lab.finish(within: .seconds(25 * 3600))
            #expect(try await lab.story() == ["sent", "suppressed expired"])
            #expect(lab.mailbox.mails.count == 1)
        }
    }

    @Test("in its quiet hours a channel says nothing, and afterwards all of it")
    func quiet() async throws {
        try await NotifyLab.with { lab in
            // The hour that began a minute ago.
            let minute = try await lab.count(
                """
                SELECT floor(extract(epoch FROM (paidan.now() AT TIME ZONE 'Asia/Shanghai')::time) / 60)::int
                """)
            func time(_ minute: Int) -> String {
                let minute = (minute + 1440) % 1440
                return "\(minute < 600 ? "0" : "")\(minute / 60):\(minute % 60 < 10 ? "0" : "")\(minute % 60)"
            }
            let hours = try #require(QuietHours("\(time(minute - 1))-\(time(minute + 59))"))
            lab.replace("wecom") { WatchedChannel(real: $0, quietHours: [hours]) }
            try await lab.assign(["张三", "李四"])
            try await lab.advance(.seconds(5))
            let outcomes = try await lab.round()
            #expect(outcomes.count == 2)
            for outcome in outcomes {
                guard case .snooze(let wait) = outcome else {
                    Issue.record("\(outcome)")
                    continue
                }
                #expect(wait > .seconds(57 * 60) && wait < .seconds(60 * 60))
            }
            #expect(lab.provider.texts.isEmpty)
            try await lab.finish(within: .seconds(2 * 3600))
            #expect(lab.provider.texts.count == 1)
            #expect(try await lab.story() == ["sent", "merged"])
        }
    }

    @Test("after its time a message is not sent")
    func expired() async throws {
        try await NotifyLab.with(["assigned": ["mail", "wecom"]]) { lab in
            try await lab.assign(["张三"])
            try await lab.advance(.seconds(24 * 3600 + 1))
            try await lab.round()
            #expect(try await lab.story() == ["suppressed expired", "suppressed expired"])
            #expect(lab.mailbox.mails.isEmpty && lab.provider.texts.isEmpty)
            // A person may want it all the same; but what was suppressed was so on purpose.
            #expect(try await !lab.resend(1))
        }
    }

    @Test("resend: the same delivery and bytes, all attempts before it; only of what is held, dead or unknown")
    func resend() async throws {
        try await NotifyLab.with(["assigned": ["mail"]]) { lab in
            for _ in 0..<9 { lab.mails(.reply("451 4.3.0 later")) }
            try await lab.assign(["张三"])
            try await lab.finish()
            #expect(try await lab.story() == ["dead 451 4.3.0"])
            let frozen = try await lab.text("SELECT md5(frozen_body) FROM paidan.delivery")
            #expect(try await lab.resend(1))
            #expect(try await !lab.resend(1))
            #expect(try await !lab.resend(99))
            #expect(try await lab.count("SELECT attempt FROM paidan.delivery") == 0)
            try await lab.finish(within: .seconds(60))
            #expect(try await lab.story() == ["sent"])
            #expect(try await lab.text("SELECT md5(frozen_body) FROM paidan.delivery") == frozen)
            #expect(lab.mailbox.mails.count == 1)
            #expect(try await !lab.resend(1))
        }
    }

    @Test("a resent digest brings its merged items with it")
    func resendDigest() async throws {
        try await NotifyLab.with { lab in
            lab.provider.answers(.drop, .drop)
            try await lab.assign(["张三", "李四"])
            try await lab.finish(within: .seconds(600))
            #expect(try await lab.text("SELECT status FROM paidan.delivery WHERE id = 1") == "ambiguous")
            #expect(try await lab.resend(1))
            try await lab.finish(within: .seconds(600))
            #expect(try await lab.story().first == "sent")
            #expect(lab.provider.texts.count == 3 && Set(lab.provider.texts).count == 1)
        }
    }

    @Test("deliveries whose job died get another one")
    func forgotten() async throws {
        try await NotifyLab.with(["assigned": ["mail"]]) { lab in
            try await lab.assign(["张三"])
            _ = try await lab.pool.query("DELETE FROM paidan.outbox")
            try await lab.advance(.seconds(29 * 60))
            #expect(try await lab.requeueForgotten() == 0)
            try await lab.advance(.seconds(2 * 60))
            #expect(try await lab.requeueForgotten() == 1)
            #expect(try await lab.requeueForgotten() == 0)
            try await lab.finish(within: .seconds(60))
            #expect(try await lab.story() == ["sent"])
        }
    }

    @Test("a code that no table lists: three attempts, then dead with the code")
    func unknownCode() async throws {
        try await NotifyLab.with { lab in
            lab.provider.errcode(77777, times: 9)
            try await lab.assign(["张三"])
            try await lab.finish(within: .seconds(3600))
            #expect(lab.provider.texts.count == 3)
            #expect(try await lab.story() == ["dead 77777"])
        }
    }
}
