import Channels
import Foundation
import Jobs
import Postgres
import TestSupport
import Testing

@testable import CRM

@Suite struct MailTests {
    private static let routes = ["assigned": ["mail"], "import_finished": ["mail"], "no_capacity": ["mail"]]

    /// A seller's 7 customers of import 12.
    private static let batch = NewEvent(
        type: "assigned", subject: "import:12", dedupeKey: "assigned:import:12:1",
        payload: Array(
            """
            {"import_id":12,"user_id":1,"count":7,"first_expiry":"2018-05-22",
            "customers":[{"id":1,"name":"张三","qq_last4":"4321"},{"id":2,"name":"李四","qq_last4":"8765"}]}
            """.utf8))

    @Test("a seller gets one mail about an import, with the sentence, the names and a link")
    func text() async throws {
        try await NotifyLab.with(Self.routes) { lab in
            try await lab.publish([Self.batch])
            try await lab.finish()
            #expect(try await lab.story() == ["sent"])
            let mail = try #require(lab.mailbox.mails.first)
            #expect(lab.mailbox.mails.count == 1)
            #expect(mail.recipients == ["liyi@example.com"] && mail.authenticated && mail.secure)
            let read = try Self.read(mail.data)
            #expect(read.subject == "批次#12：为您分配 7 位客户，最近到期 05-22：张三、李四…（共7）")
            #expect(read.text.contains("1. 【分配】张三（QQ尾号4321）\r\n2. 【分配】李四（QQ尾号8765）"))
            #expect(read.text.contains("查看全部：https://crm.example.com/imports/12"))
            // The date of the event, whenever it is sent.
            let date = try await lab.text(
                "SELECT to_char(occurred_at AT TIME ZONE 'Asia/Shanghai', 'Dy, DD Mon YYYY HH24:MI:SS +0800') FROM paidan.event"
            )
            #expect(mail.data.contains("Date: \(date ?? "")\r\n"))
            #expect(try await lab.openJobs().isEmpty)
        }
    }

    @Test("the uploader reads what became of his file, the managers that nobody takes customers")
    func otherTexts() async throws {
        try await NotifyLab.with(Self.routes) { lab in
            let counts = "{\"read\":9,\"ok\":5,\"duplicate\":2,\"error\":1,\"skipped\":1,\"assigned\":5}"
            try await lab.publish([
                NewEvent(
                    type: "import_finished", subject: "import:7", dedupeKey: "a",
                    payload: Array("{\"import_id\":7,\"uploaded_by\":21,\"state\":\"done\",\"counts\":\(counts)}".utf8)),
                NewEvent(
                    type: "import_finished", subject: "import:8", dedupeKey: "b",
                    payload: Array(
                        "{\"import_id\":8,\"uploaded_by\":21,\"state\":\"failed\",\"error\":\"E_FILE\"}".utf8)),
                NotifyLab.noCapacity(),
            ])
            try await lab.finish()
            let subjects = try lab.mailbox.mails.map { try "\($0.recipients[0]) " + Self.read($0.data).subject }
            #expect(
                Set(subjects) == [
                    "yunying@example.com 批次#7已完成：读取 9 行，入库 5，重复 2，错误 1，跳过 1，已分配 5。",
                    "yunying@example.com 批次#8未完成（E_FILE），没有客户入库。",
                    "jingli@example.com 有 7 位客户等待分配已超过 30 分钟，目前没有可分配的销售。请检查份额、请假和上限。",
                    "zongjian@example.com 有 7 位客户等待分配已超过 30 分钟，目前没有可分配的销售。请检查份额、请假和上限。",
                ])
        }
    }

    @Test("a mail that is refused for now is tried 9 times, later each time, the same bytes, then dead")
    func retries() async throws {
        try await NotifyLab.with(Self.routes) { lab in
            let bytes = Script<String>()
            try await lab.publish([Self.batch])
            for _ in 0..<9 { lab.mails(.reply("451 4.3.0 later")) }
            let delivery = try #require(await lab.openJobs().first).delivery
            var waits: [Double] = []
            for attempt in 1...9 {
                let outcome = try await lab.run(delivery)
                bytes.add([try await lab.text("SELECT md5(frozen_body) FROM paidan.delivery")])
                #expect(try await lab.count("SELECT attempt FROM paidan.delivery") == attempt)
                guard case .snooze(let wait) = outcome else { break }
                #expect(attempt < 9)
                waits.append(wait / .seconds(1))
                // A look too early sends nothing.
                guard case .snooze = try await lab.run(delivery) else {
                    Issue.record("sent before its time")
                    break
                }
                try await lab.advance(wait + .milliseconds(5))
            }
            #expect(waits.count == 8)
            for (wait, step) in zip(waits, [5.0, 30, 120, 600, 1800, 3600, 7200, 14_400]) {
                #expect(wait >= step * 0.79 && wait <= step * 1.21)
            }
            #expect(try await lab.story() == ["dead 451 4.3.0"])
            #expect(try await lab.openJobs().isEmpty)
            let first = bytes.next()
            for _ in 1..<9 { #expect(bytes.next() == first) }
        }
    }

    @Test("a connection lost after the final dot: the same mail again, so that the reader sees it once")
    func ambiguous() async throws {
        try await NotifyLab.with(Self.routes) { lab in
            let seen = Script<String>()
            lab.replace("mail") { real in
                WatchedChannel(
                    real: real,
                    before: {
                        seen.add([try await lab.text("SELECT encode(frozen_body, 'escape') FROM paidan.delivery")])
                    })
            }
            try await lab.publish([Self.batch])
            lab.mails(.drop, .drop)
            try await lab.finish()
            #expect(try await lab.count("SELECT attempt FROM paidan.delivery") == 3)
            #expect(try await lab.story() == ["sent"])
            // The server saw the message three times and took the last.
            #expect(lab.mailbox.commands.filter { $0 == "." }.count == 3)
            let mail = try #require(lab.mailbox.mails.first)
            #expect(seen.next() == mail.data && seen.next() == mail.data && seen.next() == mail.data)
        }
    }

    @Test("a refused address is not written to again, until it is another one")
    func suppression() async throws {
        try await NotifyLab.with(Self.routes) { lab in
            lab.mails(.reply("550 5.1.1 no such user"))
            try await lab.publish([Self.batch])
            try await lab.finish()
            #expect(try await lab.story() == ["dead 550 5.1.1"])
            try await lab.assign(["赵六"])
            try await lab.assign(["钱七"], to: 2)
            try await lab.finish()
            #expect(try await lab.story() == ["dead 550 5.1.1", "suppressed suppressed", "sent"])
            _ = try await lab.pool.query("UPDATE crm_userinfo SET email = 'li.yi@example.com' WHERE id = 1")
            try await lab.assign(["孙八"])
            try await lab.finish()
            #expect(try await lab.story().last == "sent")
            #expect(lab.mailbox.mails.last?.recipients == ["li.yi@example.com"])
        }
    }

    @Test("a person may have a refused address tried again")
    func forgiven() async throws {
        try await NotifyLab.with(Self.routes) { lab in
            lab.mails(.reply("550 5.1.1 no such user"))
            try await lab.publish([Self.batch])
            try await lab.finish()
            #expect(try await lab.resend(1))
            try await lab.finish()
            #expect(try await lab.story() == ["sent"])
            #expect(try await lab.count("SELECT count(*) FROM paidan.suppression") == 0)
        }
    }

    @Test("without an address there is nothing to send, now; it is no reason to stay silent later")
    func noAddress() async throws {
        try await NotifyLab.with(Self.routes) { lab in
            try await lab.assign(["张三"], to: 3)
            try await lab.finish()
            #expect(try await lab.story() == ["dead no_address"])
            #expect(try await lab.count("SELECT attempt FROM paidan.delivery") == 0)
            _ = try await lab.pool.query(
                "INSERT INTO paidan.contact (user_id, email) VALUES (3, 'zhaosan@example.com')")
            try await lab.assign(["李四"], to: 3)
            #expect(try await lab.resend(1))
            try await lab.finish()
            #expect(try await lab.story() == ["sent", "sent"])
            #expect(lab.mailbox.mails.map(\.recipients) == [["zhaosan@example.com"], ["zhaosan@example.com"]])
        }
    }

    @Test("who chose other channels, or has left, is not written to")
    func choice() async throws {
        try await NotifyLab.with(Self.routes) { lab in
            _ = try await lab.pool.query(
                "INSERT INTO paidan.contact (user_id, channels) VALUES (1, '[\"ding\"]'), (2, '[\"mail\", \"ding\"]')")
            try await lab.assign(["张三"], to: 1)
            try await lab.assign(["李四"], to: 2)
            try await lab.assign(["王五"], to: 3)
            _ = try await lab.pool.query(
                "UPDATE crm_userinfo SET is_active = false, email = 'z@example.com' WHERE id = 3")
            try await lab.finish()
            #expect(try await lab.story() == ["suppressed preference", "sent", "dead no_recipient"])
            #expect(lab.mailbox.mails.map(\.recipients) == [["wanger@example.com"]])
        }
    }

    @Test("a very long text becomes several mails: deliveries of their own, each item in one")
    func parts() async throws {
        try await NotifyLab.with(Self.routes) { lab in
            let customers = (1...6000).map { "{\"id\":\($0),\"name\":\"某某某\($0)号\",\"qq_last4\":\"4321\"}" }
                .joined(separator: ",")
            try await lab.publish([
                NewEvent(
                    type: "assigned", subject: "import:12", dedupeKey: "a",
                    payload: Array("{\"import_id\":12,\"user_id\":1,\"count\":6000,\"customers\":[\(customers)]}".utf8))
            ])
            try await lab.finish()
            let mails = lab.mailbox.mails
            #expect(mails.count > 1)
            #expect(try await lab.story() == Array(repeating: "sent", count: mails.count))
            let texts = try mails.map { try Self.read($0.data).text }
            for number in [1, 2999, 3000, 5000, 6000] {
                #expect(texts.filter { $0.contains("【分配】某某某\(number)号（") }.count == 1)
            }
            #expect(Set(try mails.map { try Self.read($0.data).id }).count == mails.count)
        }
    }

    @Test("a payload that is not as expected still makes a message")
    func oddPayload() async throws {
        try await NotifyLab.with(Self.routes) { lab in
            try await lab.publish([
                NewEvent(
                    type: "assigned", subject: "customer:1", dedupeKey: "a",
                    payload: Array("{\"user_id\":1,\"customers\":\"none\"}".utf8))
            ])
            try await lab.finish()
            #expect(try await lab.story() == ["sent"])
        }
    }

    /// Subject, plain text and Message-ID.
    static func read(_ data: String) throws -> (subject: String, text: String, id: String) {
        let halves = data.components(separatedBy: "\r\n\r\n")
        let head = halves[0].replacingOccurrences(of: "\r\n ", with: " ").components(separatedBy: "\r\n")
        func field(_ name: String) throws -> String {
            String(try #require(head.first { $0.hasPrefix(name + ": ") }).dropFirst(name.count + 2))
        }
        let subject = try field("Subject").split(separator: " ").map { word -> String in
            guard word.hasPrefix("=?UTF-8?B?") else { return String(word) }
            let bytes = try #require(Data(base64Encoded: String(word.dropFirst(10).dropLast(2))))
            return String(decoding: bytes, as: UTF8.self)
        }
        let part = try #require(halves.dropFirst(2).first).components(separatedBy: "\r\n--")[0]
        let text = try #require(Data(base64Encoded: part.replacingOccurrences(of: "\r\n", with: "")))
        return (subject.joined(), String(decoding: text, as: UTF8.self), try field("Message-ID"))
    }
}
