import Foundation
import Postgres
import Testing

@testable import PaidanCommand

@Suite struct ExplainAPITests {
    @Test func tellsHowACustomerCameToItsSellerAndWhoMayAsk() async throws {
        try await TestService.with { service in
            let seller = try await service.token(for: "own", roles: ["销售"], seller: true)
            let rival = try await service.token(for: "rival", roles: ["销售"], seller: true)
            let id = try await service.ask("GET", "/v1/me", token: seller).json["seller_id"].string ?? ""
            let rivalID = try await service.ask("GET", "/v1/me", token: rival).json["seller_id"].string ?? ""
            let made = try await service.ask("POST", "/v1/customers", #"{"qq": "900001", "name": "王小明"}"#)
            let customer = made.json["id"].string ?? ""
            let path = "/v1/customers/\(customer)/explain"

            var story = try await service.ask("GET", path)
            #expect(story.status == 200, "\(story.text)")
            #expect(story.json["customer_id"].string == customer)
            #expect(story.json["state"].string == "pending")
            #expect(story.text.contains("没有任何销售有份额"))
            // Outside the caller's rows, as with GET.
            expectProblem(try await service.ask("GET", path, token: seller), 404, "not_found")

            _ = try await service.ask("PUT", "/v1/ranks", "[{\"user_id\": \(id), \"num\": 3, \"weight\": 1}]")
            #expect(
                try await eventually {
                    try await service.ask("GET", "/v1/customers/\(customer)").json["pool_state"].string == "private"
                })
            let pool = service.composition.pool
            _ = try await pool.query(
                """
                INSERT INTO crm_consultrecord (customer_id, consultant_id, note)
                VALUES (\(Int(customer) ?? 0)::int, \(Int(id) ?? 0)::int, '聊过')
                """)
            story = try await service.ask("GET", path, token: seller)
            #expect(story.json["state"].string == "private")
            let facts = story.json["facts"].items
            for fact in facts {
                #expect(fact["at"].string?.contains("T") == true, "\(fact.raw)")
                #expect(fact["what"].string?.isEmpty == false)
                #expect(fact["source"].string?.isEmpty == false)
            }
            let moments = facts.compactMap { $0["at"].string }
            #expect(moments == moments.sorted())
            let sources = facts.compactMap { $0["source"].string }
            let slot = try #require(facts.first { $0["source"].string == "paidan.assign_slot 1:1" })
            #expect(slot["user_id"].string == id)
            #expect(sources.contains { $0.hasPrefix("crm_customerdistribution ") })
            #expect(sources.contains { $0.hasPrefix("crm_consultrecord ") })
            #expect(sources.contains { $0.hasPrefix("paidan.audit_log ") })
            #expect(!story.text.contains("聊过"))
            expectProblem(try await service.ask("GET", path, token: rival), 404)

            // Overdue, and no sweep has met it: public, so the rival may ask; the row itself is untouched.
            _ = try await pool.transaction { tx in
                _ = try tx.query("SELECT set_config('paidan.writer', 'service', true)")
                _ = try tx.query("ALTER TABLE crm_customerdistribution DISABLE TRIGGER a_fixed")
                _ = try tx.query(
                    "UPDATE crm_customer SET recv_date = '2020-01-01', last_consult_date = '2020-01-01'")
                _ = try tx.query("UPDATE crm_customerdistribution SET ctime = '2020-01-01'")
                _ = try tx.query("ALTER TABLE crm_customerdistribution ENABLE TRIGGER a_fixed")
            }
            story = try await service.ask("GET", path, token: rival)
            #expect(story.json["state"].string == "public", "\(story.text)")
            #expect(story.text.contains("还没有清理到"))
            #expect(try await pool.query("SELECT pool_state FROM crm_customer")[0].text(0) == "private")
            // The grab: his story goes on with the new owner.
            let grabbed = try await service.ask("POST", "/v1/customers/\(customer)/grab", token: rival)
            #expect(grabbed.status == 200, "\(grabbed.text)")
            story = try await service.ask("GET", path, token: rival)
            #expect(story.text.contains("从公海抢入客户"))
            #expect(story.text.contains("发现客户已过期并记录"))
            #expect(
                story.json["facts"].items.contains {
                    $0["user_id"].string == id && $0["what"].string?.contains("不能再抢") == true
                })
            #expect(story.json["facts"].items.contains { $0["user_id"].string == rivalID })
        }
    }

    /// Accounts and persons have numbers of their own: the manager's account has a number that no person has.
    @Test func personsAreSellersNeverAccounts() async throws {
        try await TestService.with { service in
            let seller = try await service.token(for: "own", roles: ["销售"], seller: true)
            let id = try await service.ask("GET", "/v1/me", token: seller).json["seller_id"].string ?? ""
            let made = try await service.ask(
                "POST", "/v1/customers", #"{"qq": "900201", "name": "王小明", "assign": "self"}"#, token: seller)
            let path = "/v1/customers/\(made.json["id"].string ?? "")"
            #expect(try await service.ask("POST", path + "/deal", token: seller).status == 200)
            #expect(try await service.ask("POST", path + "/reopen").status == 200)
            let paid = try await service.ask("POST", path + "/payments", #"{"pay_type": 1, "paid_fee": 100}"#)
            #expect(paid.status == 200, "\(paid.text)")
            let story = try await service.ask("GET", path + "/explain")
            let facts = story.json["facts"].items
            #expect(Set(facts.compactMap { $0["user_id"].string }) == [id], "\(story.text)")
            for words in ["重新打开客户，交给销售 \(id)", "报成单"] {
                let fact = facts.last { $0["what"].string?.contains(words) == true }
                #expect(fact?["user_id"].string == id, "\(words): \(story.text)")
            }
        }
    }

    @Test func anImportedOneNamesItsRow() async throws {
        try await TestService.with { service in
            let sent = try await service.ask(
                "POST", "/v1/imports", "姓名,QQ,备注\n甲,900101,\n乙,900102,记\n",
                headers: [("Content-Disposition", "attachment; filename=\"a.csv\"")], type: "text/csv")
            #expect(sent.status == 202, "\(sent.text)")
            let batch = sent.json["id"].string ?? ""
            let done = try await eventually {
                try await service.ask("GET", "/v1/imports/\(batch)").json["state"].string == "done"
            }
            #expect(done)
            let rows = try await service.ask("GET", "/v1/imports/\(batch)/rows").json["items"].items
            let customer = try #require(rows[1]["customer_id"].string)
            let story = try await service.ask("GET", "/v1/customers/\(customer)/explain")
            let sources = story.json["facts"].items.compactMap { $0["source"].string }
            #expect(sources.contains("paidan.import_batch \(batch)"))
            #expect(sources.contains("paidan.import_row \(batch)/3"), "\(story.text)")
        }
    }

    @Test(arguments: ["0", "-1", "999999999", "99999999999", "abc"]) func unknown(_ id: String) async throws {
        let service = try await TestService.shared.value
        expectProblem(try await service.ask("GET", "/v1/customers/\(id)/explain"), 404)
    }

    @Test func workersAreListed() async throws {
        let service = try await TestService.shared.value
        var answer = try await service.ask("GET", "/v1/workers")
        #expect(
            try await eventually {
                answer = try await service.ask("GET", "/v1/workers")
                return !answer.json["items"].items.isEmpty
            })
        let worker = answer.json["items"][0]
        #expect(worker["pid"].int == Int(ProcessInfo.processInfo.processIdentifier))
        for member in ["id", "host", "version", "started_at"] { #expect(worker[member].string?.isEmpty == false) }
        #expect(worker["running"].int != nil)
        #expect(!worker["queues"].items.isEmpty)
        #expect(answer.json["next_cursor"].isNull)
        let seller = try await service.token(for: "idle", roles: ["销售"], seller: true)
        expectProblem(try await service.ask("GET", "/v1/workers", token: seller), 403)
    }
}
