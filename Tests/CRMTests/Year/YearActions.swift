import Postgres

@testable import CRM

/// What one person does, from a look at the lists that may be minutes old.
struct YearStep: Sendable {
    let action: YearAction
    let customer: Int
    let consultant: Int?
    /// Another seller.
    let user: Int
    /// The whole row as a page had read it.
    let row: [UInt8]
    let days: Int
}

extension YearWorld {
    func run(_ step: YearStep) async throws {
        let id = step.customer
        let owner = seller(step.consultant ?? step.user)
        switch step.action {
        case .followUp: moved(step, try await desk.followUp(id, note: "电话联系", by: owner))
        case .strangerNote: moved(step, try await desk.followUp(id, note: "旁听", by: seller(step.user)))
        case .managerNote: moved(step, try await desk.followUp(id, note: "主管备注", by: boss))
        case .grab:
            do { moved(step, try await desk.grab(id, by: seller(step.user))) } catch is NoSeller {
                count("grab no_seller")
            }
        case .release: moved(step, try await desk.release(id, reason: "无意向", by: owner))
        case .transfer: moved(step, try await desk.transfer(id, to: step.user, by: boss))
        case .toPool: moved(step, try await desk.toPool(id, by: boss))
        case .deal: moved(step, try await desk.deal(id, isLate: false, by: owner))
        case .lateDeal: moved(step, try await desk.deal(id, isLate: true, by: boss))
        case .reopen: moved(step, try await desk.reopen(id, to: step.days % 2 == 0 ? step.user : nil, by: boss))
        case .protect:
            let until = try await pool.query("SELECT (paidan.today() + \(step.days)::int)::text")[0].text(0)
            moved(step, try await desk.protect(id, until: until, by: boss))
        case .pay:
            let payment = PaymentInput(payType: 1 + step.days % 5, paidFee: 100)
            moved(step, try await desk.pay(id, payment, by: step.days % 3 == 0 ? boss : owner))
        default: try await page(step)
        }
    }

    private func moved(_ step: YearStep, _ moved: Moved) {
        switch moved {
        case .done: count("\(step.action) ok")
        case .refused(let refusal): count("\(step.action) \(refusal.rawValue)")
        case .noted(_, let clockMoved): count("\(step.action) ok\(clockMoved ? "" : ", no clock moved")")
        case .invalid: count("\(step.action) invalid")
        case .missing: count("\(step.action) missing")
        }
    }

    /// Pages write in autocommit, statement by statement; what the database refuses they show to their user.
    private func page(_ step: YearStep) async throws {
        do {
            try await write(step)
            count("\(step.action) ok")
        } catch let error as PostgresError where error.sqlState != nil {
            count("\(step.action) refused by the database")
        }
    }

    private func write(_ step: YearStep) async throws {
        let id = step.customer
        let user = step.consultant ?? step.user
        switch step.action {
        case .pageNote:
            _ = try await pages.query(
                """
                INSERT INTO crm_consultrecord (customer_id, consultant_id, date, note)
                VALUES (\(id)::bigint, \(user)::bigint, paidan.today(), '页面备注')
                """)
            // And the old object, saved whole.
            if step.days % 2 == 0 { try await save(step) }
        case .pageStaleSave: try await save(step)
        case .pageGrab:
            _ = try await pages.query(
                "UPDATE crm_customer SET consultant_id = \(step.user)::bigint WHERE id = \(id)::bigint")
            // Every third page dies before its second write.
            if step.days % 3 != 0 { try await distribute(id, step.user) }
        case .pageReassign:
            try await distribute(id, step.user)
            _ = try await pages.query(
                "UPDATE crm_customer SET consultant_id = \(step.user)::bigint WHERE id = \(id)::bigint")
        case .pageDeal:
            _ = try await pages.query("UPDATE crm_customer SET status = 1 WHERE id = \(id)::bigint")
            _ = try await pages.query(
                "UPDATE crm_customerdistribution SET status = 2 WHERE customer_id = \(id)::bigint AND status = 1")
        case .pageStatusTwice:
            for _ in 1...2 {
                _ = try await pages.query("UPDATE crm_customer SET status = 1 WHERE id = \(id)::bigint")
            }
        case .pageRelease:
            _ = try await pages.query("UPDATE crm_customer SET consultant_id = NULL WHERE id = \(id)::bigint")
        case .pageCreate:
            let made = try await pages.query(
                """
                INSERT INTO crm_customer (qq, name, gender, source, status, consultant_id, date, last_consult_date)
                SELECT '9' || nextval('crm_customer_id_seq'), '页面', 1, 1, 2,
                    CASE WHEN \(step.days % 2 == 0)::bool THEN \(step.user)::bigint END, paidan.today(), paidan.today()
                RETURNING id, consultant_id
                """)[0]
            if try made.optionalInt(1) != nil, step.days % 3 != 0 { try await distribute(try made.int(0), step.user) }
        default: break
        }
    }

    private func distribute(_ customer: Int, _ user: Int) async throws {
        _ = try await pages.query(
            """
            INSERT INTO crm_customerdistribution (user_id, customer_id, ctime, status)
            VALUES (\(user)::bigint, \(customer)::bigint, paidan.today(), 1)
            """)
    }

    /// Django's `save()`: every column of the model, as it was read.
    private func save(_ step: YearStep) async throws {
        _ = try await pages.query(
            """
            UPDATE crm_customer c SET name = o.name, qq = o.qq, gender = o.gender, source = o.source, status = o.status,
                consultant_id = o.consultant_id, recv_date = o.recv_date, date = o.date,
                last_consult_date = o.last_consult_date
            FROM jsonb_populate_record(NULL::crm_customer, \(utf8: step.row)::jsonb) o WHERE c.id = o.id
            """)
    }
}
