import Foundation
import Postgres
import TestSupport
import Testing

@testable import CRM

@Suite("Work days") struct CalendarTests {
    private static func sheet(_ bytes: [UInt8]) throws -> CalendarSheet {
        let path = PrivateServers.folder + "/calendar-\(UInt64.random(in: 0...UInt64.max)).csv"
        try Data(bytes).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try CalendarSheet.read(path: path)
    }

    private static func days(_ text: String) throws -> [String] {
        try sheet(Array(text.utf8)).entries.map { "\($0.day) \($0.isWorkday)" }
    }

    @Test("with a header or none, dates and words as people write them, in any order")
    func forms() throws {
        let wanted = ["2018-06-17 true", "2018-06-18 false"]
        #expect(try Self.days("date,is_workday\n2018-06-18,0\n2018-06-17,1\n") == wanted)
        #expect(try Self.days("2018/6/17,TRUE\r\n2018年6月18日,False\r\n") == wanted)
        #expect(try Self.days("日期;类型\n2018-06-17;工作日\n\n2018-06-18;休息日\n2018-06-18;否\n") == wanted)
        // 是 and 否 as Excel saves them in China.
        #expect(
            try Self.sheet(Array("2018-06-17,".utf8) + [0xCA, 0xC7, 0x0A] + Array("2018-06-18,".utf8) + [0xB7, 0xF1])
                .entries.map(\.isWorkday) == [true, false])
    }

    @Test("every wrong line is named, and nothing is taken")
    func problems() {
        func problems(_ text: String) -> [String] {
            do {
                _ = try Self.days(text)
                return []
            } catch { return (error as? CalendarSheet.Refusal)?.problems ?? ["\(error)"] }
        }
        let found = problems("date,is_workday\n2018-06-17,1\n2018-02-30,1\n2018-06-18,maybe\n2018-06-17,0\n")
        #expect(found.count == 3)
        #expect(found.map { String($0.prefix(7)) } == ["line 3:", "line 4:", "line 5:"])
        #expect(found.last == "line 5: line 2 says otherwise of 2018-06-17")
        #expect(problems("date,is_workday\n") == ["the file names no day"])
        #expect(problems((1...30).map { "x\($0),1" }.joined(separator: "\n")).count == 21)
    }

    @Test("an import replaces the days it names, is in the audit log, and says how many changed")
    func replace() async throws {
        try await ExpiryLab.with { lab in
            let store = CalendarStore(pool: lab.pool)
            let first = try Self.sheet(Array("2018-06-16,0\n2018-06-17,1\n2018-06-18,0\n".utf8))
            #expect(try await store.replace(first, actor: "command line") == 3)
            #expect(try await store.replace(first, actor: "command line") == 0)
            let second = try Self.sheet(Array("2018-06-17,0\n2018-06-18,0\n2018-06-19,1\n".utf8))
            #expect(try await store.replace(second, actor: "command line") == 2)
            let days = try await lab.text(
                "SELECT string_agg(day || ' ' || is_workday, ',' ORDER BY day) FROM paidan.work_calendar")
            #expect(days == "2018-06-16 false,2018-06-17 false,2018-06-18 false,2018-06-19 true")
            let audit = try await lab.pool.query(
                """
                SELECT concat_ws(' ', actor, before, after) FROM paidan.audit_log
                WHERE action = 'calendar.import' ORDER BY id
                """
            ).map { try $0.text(0) }
            #expect(audit.count == 2)
            #expect(
                audit.last == #"command line {"2018-06-17": true} {"2018-06-17": false, "2018-06-19": true}"#)
        }
    }

    /// Dragon Boat Festival of 2018: Saturday the 16th to Monday the 18th of June off.
    @Test("with the work day clock only work days after the start count, for sweep, forecast and reminder")
    func workdays() async throws {
        try await ExpiryLab.with { lab in
            try await lab.set("clock", "workday")
            let sheet = try Self.sheet(Array("2018-06-18,0\n2018-06-24,1\n".utf8))
            _ = try await CalendarStore(pool: lab.pool).replace(sheet, actor: "test")
            try await lab.at("2018-06-15 10:00")
            // Work days after Friday the 15th: 19, 20, 21 and, a Sunday that is worked on, 24.
            let id = try await lab.customers(received: "2018-06-15")[0]
            let later = try await lab.customers(received: "2018-06-20")[0]
            for (day, count) in [("2018-06-21", 0), ("2018-06-22", 1), ("2018-06-24", 1), ("2018-06-25", 2)] {
                // The 20th: 21, 22, 24.
                let forecast = try await ForecastStore(pool: lab.pool).counts(asOf: day)
                #expect(forecast.counts.notFollowed == count, "\(day)")
            }
            try await lab.at("2018-06-21 09:00")
            #expect(try await lab.remind() == #"{"as_of":"2018-06-21","digests":1,"customers":1}"#)
            #expect(try await lab.sweep() == #"{"as_of":"2018-06-21","3":0,"4":0}"#)
            try await lab.at("2018-06-22 00:05")
            #expect(try await lab.sweep() == #"{"as_of":"2018-06-22","3":1,"4":0}"#)
            #expect(try await lab.story(id) == "1:3:2018-06-22 | public 2018-06-22")
            try await lab.at("2018-06-25 00:05")
            #expect(try await lab.sweep() == #"{"as_of":"2018-06-25","3":1,"4":0}"#)
            #expect(try await lab.story(later) == "1:3:2018-06-25 | public 2018-06-25")
        }
    }

    @Test("the first start that lasts until a day is the reverse of the last day, with any calendar")
    func reverse() async throws {
        try await ExpiryLab.with { lab in
            try await lab.set("clock", "workday")
            // A random third of two years' days says otherwise than the week.
            _ = try await lab.pool.query(
                """
                INSERT INTO paidan.work_calendar
                SELECT '2018-01-01'::date + n, random() < 0.5 FROM generate_series(0, 730) n WHERE random() < 0.3
                """)
            for clock in ["workday", "natural"] {
                try await lab.set("clock", clock)
                let wrong = try await lab.count(
                    """
                    SELECT count(*) FROM generate_series(0, 400, 7) u, generate_series(-40, 40) s, unnest('{1,3,15}'::int[]) n
                    WHERE (paidan.last_day('2018-06-01'::date + u + s, n) < '2018-06-01'::date + u)
                        <> ('2018-06-01'::date + u + s < paidan.first_start('2018-06-01'::date + u, n))
                    """)
                #expect(wrong == 0, "\(clock)")
            }
        }
    }
}
