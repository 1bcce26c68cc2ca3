import Postgres
import Testing

@testable import CRM

@Suite("Follow-ups")
struct FollowUpTests {
    @Test("until the last millisecond of the last day it counts; with the next day it is too late, and the row expires")
    func midnight() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            let (saved, lost) = (try await lab.customer(of: 1), try await lab.customer(of: 1))
            try await lab.freeze("2018-05-22 23:59:59.999")
            let moved = try await lab.desk().followUp(saved, note: "聊过", by: MoveLab.seller(1))
            #expect(word(moved) == "moved")
            guard case .noted(let view, _) = moved else { return }
            #expect(view.expiresOn == "2018-05-26" && view.lastConsultDate == "2018-05-22")
            try await lab.freeze("2018-05-23 00:00:00")
            #expect(try await word(lab.desk().followUp(lost, note: "聊过", by: MoveLab.seller(1))) == "expired")
            #expect(try await lab.state(lost) == "public - 2018-05-19 2018-05-19 2018-05-23 | 1:3:2018-05-23")
            #expect(try await lab.notes(lost) == 0)
            #expect(try await lab.state(saved) == "private 1 2018-05-19 2018-05-22 - | 1:1:-")
            // Late by a week, it is told the same.
            try await lab.freeze("2018-05-30 09:00")
            #expect(try await word(lab.desk().followUp(lost, note: "聊过", by: MoveLab.seller(1))) == "expired")
            #expect(try await word(lab.desk().followUp(saved, note: "聊过", by: MoveLab.seller(1))) == "expired")
            #expect(try await lab.state(saved) == "public - 2018-05-19 2018-05-22 2018-05-26 | 1:3:2018-05-26")
        }
    }

    @Test("daily notes carry to the fifteenth day and no further")
    func daily() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            let id = try await lab.customer(of: 1)
            for day in ["05-22", "05-25", "05-28", "05-31", "06-03"] {
                try await lab.freeze("2018-\(day) 23:59:59.999")
                #expect(try await word(lab.desk().followUp(id, note: day, by: MoveLab.seller(1))) == "moved")
            }
            try await lab.freeze("2018-06-04 00:00")
            #expect(try await word(lab.desk().followUp(id, note: "晚了", by: MoveLab.seller(1))) == "expired")
            #expect(try await lab.state(id) == "public - 2018-05-19 2018-06-03 2018-06-04 | 1:4:2018-06-04")
        }
    }

    @Test("several on one day: each is kept, the first alone changes the customer")
    func several() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            let id = try await lab.customer(of: 1)
            try await lab.freeze("2018-05-20 10:00")
            var versions: [Int] = []
            for note in ["一", "二", "三"] {
                guard case .noted(let view, true) = try await lab.desk().followUp(id, note: note, by: MoveLab.seller(1))
                else {
                    Issue.record("\(note) was not taken")
                    return
                }
                versions.append(view.version)
            }
            #expect(Set(versions).count == 1)
            #expect(try await lab.notes(id) == 3)
            #expect(
                try await lab.count(
                    """
                    SELECT count(*) FROM crm_consultrecord
                    WHERE customer_id = \(id)::bigint AND date = '2018-05-20' AND consultant_id = 1
                    """) == 3)
            let audit = try await lab.base.pool.query(
                """
                SELECT after ->> 'last_consult_date', after ->> 'clock_moved', before || after, actor FROM paidan.audit_log
                WHERE action = 'customer.follow_up' ORDER BY id
                """)
            #expect(audit.map { $0.optionalText(0) } == ["2018-05-20", nil, nil])
            #expect(audit.allSatisfy { $0.optionalText(1) == "true" && $0.optionalText(3) == "user:101" })
            let words = try audit.map { try $0.text(2) }.joined()
            #expect(!["一", "二", "三"].contains { words.contains($0) })
        }
    }

    @Test("a manager's note is kept whatever the state, in the name of a person who sells nothing; no clock moves")
    func managers() async throws {
        try await MoveLab.with { lab in
            try await lab.freeze("2018-05-19 10:00")
            let owned = try await lab.customer(of: 1)
            let overdue = try await lab.customer(of: 2)
            let closed = try await lab.customer(of: 3)
            try await lab.close(closed)
            try await lab.freeze("2018-05-22 10:00")
            _ = try await lab.desk().followUp(owned, note: "聊过", by: MoveLab.seller(1))
            try await lab.freeze("2018-05-23 10:00")
            for id in [owned, overdue, closed, try await lab.customer(), try await lab.pooled()] {
                let before = try await lab.state(id)
                #expect(try await word(lab.desk().followUp(id, note: "请跟进", by: MoveLab.manager())) == "kept")
                if id != overdue { #expect(try await lab.state(id) == before) }
            }
            #expect(try await lab.state(overdue) == "public - 2018-05-19 2018-05-19 2018-05-23 | 2:3:2018-05-23")
            let person = try await lab.base.pool.query(
                "SELECT id, name, username, depart_id FROM crm_userinfo WHERE auth_id = \(MoveLab.account)::bigint")
            #expect(person.count == 1)
            #expect(person[0].optionalText(1) == "a manager with a")
            #expect(person[0].optionalText(2) == "a manager with a long name")
            #expect(try person[0].int(3) != 1001)
            let writer = try person[0].int(0)
            #expect(
                try await lab.count("SELECT count(*) FROM crm_consultrecord WHERE consultant_id = \(writer)::bigint")
                    == 5)
            // One who sells too writes in his own name; the customer that is his is followed up.
            #expect(try await word(lab.desk().followUp(owned, note: "看过", by: MoveLab.manager(9))) == "kept")
            #expect(try await word(lab.desk().followUp(owned, note: "聊过", by: MoveLab.manager(1))) == "moved")
        }
    }

    @Test("a manager's first two notes at once make one person")
    func onePerson() async throws {
        try await MoveLab.with { lab in
            let customers = [try await lab.customer(), try await lab.customer(), try await lab.customer()]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in customers {
                    group.addTask {
                        let moved = try await lab.desk().followUp(id, note: "好", by: MoveLab.manager())
                        #expect(word(moved) == "kept")
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await lab.count("SELECT count(*) FROM crm_userinfo WHERE auth_id IS NOT NULL") == 1)
            #expect(try await lab.count("SELECT count(*) FROM paidan.audit_log WHERE action = 'user.person'") == 1)
        }
    }

    @Test("anybody else is refused and nothing is stored")
    func others() async throws {
        try await MoveLab.with { lab in
            let id = try await lab.customer(of: 1)
            func note(_ text: String, by seller: Int) async throws -> String {
                try await word(lab.desk().followUp(id, note: text, by: MoveLab.seller(seller)))
            }
            #expect(try await note("聊过", by: 2) == "not_owner")
            // What is wrong with the text is said first.
            for text in ["", " ", "\u{3000}\u{200B}\t\n", "\u{FEFF}"] {
                #expect(try await note(text, by: 2) == "/note required")
                #expect(try await note(text, by: 1) == "/note required")
            }
            #expect(try await note(String(repeating: "长", count: 10_001), by: 1) == "/note range")
            #expect(try await note(String(repeating: "长", count: 10_000), by: 1) == "moved")
            #expect(try await lab.notes(id) == 1)
            #expect(try await word(lab.desk().release(id, reason: "不合适", by: MoveLab.seller(1))) == "done")
            #expect(try await note("聊过", by: 1) == "not_owner")
            #expect(try await word(lab.desk().grab(id, by: MoveLab.seller(2))) == "done")
            try await lab.close(id)
            #expect(try await note("聊过", by: 2) == "closed")
            #expect(try await note("聊过", by: 1) == "not_owner")
            #expect(try await word(lab.desk().followUp(99_999, note: "", by: MoveLab.seller(1))) == "missing")
            #expect(try await lab.notes(id) == 1)
        }
    }
}
