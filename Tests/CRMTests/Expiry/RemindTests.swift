import Jobs
import Postgres
import Testing

@testable import CRM

@Suite("Reminders") struct RemindTests {
    @Test("each owner hears once of what has its last day today, and of nothing else")
    func lastDay() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-22 09:00")
            try await lab.customers(2, of: 1, received: "2018-05-19")
            try await lab.customers(1, of: 1, received: "2018-05-07", followed: "2018-05-21")
            try await lab.customers(1, of: 2, received: "2018-05-19")
            try await lab.customers(1, of: 2, received: "2018-05-20")
            // Overdue, and no sweep has been: it is lost, nothing can be done today.
            try await lab.customers(1, of: 3, received: "2018-05-18")
            try await lab.customers(1, of: 3, received: "2018-05-19", protected: "2018-05-23")
            #expect(try await lab.remind() == #"{"as_of":"2018-05-22","digests":2,"customers":4}"#)
            #expect(try await lab.events("expiring") == ["user:1 3 2/1 客1,客2,客1", "user:2 1 1/0 客1"])
            #expect(try await lab.remind() == #"{"as_of":"2018-05-22","digests":0,"customers":0}"#)
            #expect(try await lab.text("SELECT payload ->> 'first_expiry' FROM paidan.event LIMIT 1") == "2018-05-22")
        }
    }

    @Test("a job that runs again after its crash tells nobody twice; what came to be due since is told")
    func again() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-22 09:00")
            try await lab.customers(1, received: "2018-05-19")
            _ = try await lab.remind(id: "one")
            try await lab.customers(1, received: "2018-05-19")
            #expect(try await lab.remind(id: "one") == "")
            #expect(try await lab.remind(id: "two") == #"{"as_of":"2018-05-22","digests":1,"customers":1}"#)
            #expect(try await lab.events("expiring").count == 2)
        }
    }

    @Test("who followed up is told again on the next last day")
    func nextLastDay() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-22 09:00")
            let id = try await lab.customers(received: "2018-05-19")[0]
            _ = try await lab.remind()
            try await lab.note(id, by: 1)
            try await lab.at("2018-05-25 09:00")
            #expect(try await lab.remind() == #"{"as_of":"2018-05-25","digests":1,"customers":1}"#)
        }
    }

    @Test("days ahead: tomorrow's too, and once more on the day itself")
    func ahead() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-21 09:00")
            try await lab.customers(1, received: "2018-05-18")
            try await lab.customers(2, received: "2018-05-19")
            #expect(
                try await lab.remind(RemindArguments(daysAhead: 1))
                    == #"{"as_of":"2018-05-21","digests":1,"customers":3}"#)
            #expect(try await lab.text("SELECT payload ->> 'today' FROM paidan.event") == "1")
            try await lab.at("2018-05-22 09:00")
            #expect(
                try await lab.remind(RemindArguments(daysAhead: 1))
                    == #"{"as_of":"2018-05-22","digests":1,"customers":2}"#)
        }
    }

    @Test("the managers hear in one digest of what nobody followed up, by seller, with those on leave")
    func escalation() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-22 09:00")
            let ids = try await lab.customers(3, of: 1, received: "2018-05-19")
            try await lab.customers(1, of: 2, received: "2018-05-19")
            _ = try await lab.service {
                try $0.query(
                    "INSERT INTO paidan.absence (user_id, from_on, to_on) VALUES (2, '2018-05-22', '2018-05-22')")
            }
            _ = try await lab.remind()
            try await lab.note(ids[0], by: 1)
            try await lab.at("2018-05-22 17:00")
            let arguments = RemindArguments(escalates: true)
            #expect(try await lab.remind(arguments) == #"{"as_of":"2018-05-22","digests":1,"customers":3}"#)
            #expect(try await lab.events("escalated") == ["pool 3 3/0 销售1,销售2"])
            let away = try await lab.text("SELECT payload #>> '{sellers,1,is_away}' FROM paidan.event ORDER BY id DESC")
            #expect(away == "true")
            #expect(try await lab.remind(arguments) == #"{"as_of":"2018-05-22","digests":0,"customers":0}"#)
        }
    }

    @Test("nothing is due: nobody is told; a past day has nothing; a day to come is dead")
    func days() async throws {
        try await ExpiryLab.with { lab in
            try await lab.at("2018-05-22 09:00")
            #expect(
                try await lab.remind(RemindArguments(escalates: true))
                    == #"{"as_of":"2018-05-22","digests":0,"customers":0}"#)
            try await lab.customers(1, received: "2018-05-19")
            #expect(
                try await lab.remind(RemindArguments(asOf: "2018-05-21"))
                    == #"{"as_of":"2018-05-21","digests":0,"customers":0}"#)
            #expect(try await lab.remind(RemindArguments(asOf: "2018-05-23")) == "dead future_as_of")
        }
    }

    @Test("the kind takes days ahead from 0 to 30")
    func arguments() throws {
        let kind = RemindJob(pool: PostgresPool(PostgresConfiguration(conninfo: "")), publisher: EventTable()).kind
        try kind.check(arguments: Array(#"{"as_of":"2024-02-29","days_ahead":30,"escalate":true}"#.utf8))
        for text in [#"{"days_ahead":31}"#, #"{"days_ahead":-1}"#, #"{"escalate":1}"#, #"{"as_of":""}"#] {
            #expect(throws: ArgumentError.self) { try kind.check(arguments: Array(text.utf8)) }
        }
    }
}
