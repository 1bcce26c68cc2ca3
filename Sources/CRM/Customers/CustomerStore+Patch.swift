internal import Postgres

/// What became of a change of a customer's profile.
public enum CustomerPatched: Sendable, Equatable {
    case done(CustomerView)
    /// There is no such customer, or none among the caller's rows.
    case missing
    /// 428: it was not said which version is meant.
    case unconditional
    /// 412; the version that it has now.
    case outdated(Int)
    /// 409.
    case refused(MoveRefusal)
    /// 422.
    case invalid([CustomerProblem])
    /// 409 `duplicate`; the state of the customer who has the QQ.
    case duplicate(state: String)
}

extension CustomerStore {
    /// Changes columns of a customer's profile, with the rules of the import.
    ///
    /// Who has it and its dates stay as they are; what is overdue today is lost first, as before every write.
    /// - Parameters:
    ///   - input: `nil` for a body that is no object of texts and numbers.
    ///   - match: `nil` if the request does not say which version it means.
    public func patch(
        _ id: Int, _ input: CustomerInput?, match: VersionMatch?, by caller: Caller
    ) async throws -> CustomerPatched {
        let settings = settings
        return try await pool.transaction { tx in
            Author.set(caller.actor, in: &tx)
            guard let locked = try Locked.read(id, in: &tx) else { return .missing }
            let ruling = EditRules.judge(
                locked.customer, consultant: locked.consultant, seller: caller.seller, isManager: caller.isManager)
            if let lapsed = locked.customer.lapsed { try WaitingCustomers.enqueue(afterLossOf: lapsed, in: &tx) }
            if ruling == .unseen { return .missing }
            guard let match else { return .unconditional }
            guard let input else {
                return .invalid([.init(pointer: "", code: "type", message: "应为对象，每个值是文字或数字")])
            }
            let today = Day(try tx.query("SELECT paidan.today()")[0].text(0)) ?? Day(number: 0)
            let rules = CustomerRules(settings: settings, lists: try Self.lists(for: input, in: &tx), today: today)
            var (row, problems) = rules.check(patch: input)
            let referrer = try Self.referrer(input, row, &problems, in: &tx)
            if referrer == id {
                let pointer = input.referrer == nil ? "/referral" : "/referral_from_id"
                problems.append(.init(pointer: pointer, code: IssueCode.referral.rawValue, message: "推荐人不能是本人"))
            }
            guard problems.isEmpty else { return .invalid(problems) }
            if case .refused(let refusal) = ruling { return .refused(refusal) }
            guard match.allows(locked.version) else { return .outdated(locked.versionNow) }
            if input.isEmpty { return .done(try Self.view(id, in: &tx)) }
            let change = Change(row: row, given: input.given, referrer: referrer)
            guard try change.write(to: id, in: &tx) else {
                return .duplicate(state: try Self.state(of: row.qq, in: &tx))
            }
            return .done(try Self.view(id, in: &tx))
        }
    }

    /// What the rules compare with: courses, where some are named. A seller never is.
    private static func lists(for input: CustomerInput, in tx: inout Transaction) throws -> ImportLists {
        guard input.given.contains("course") else { return ImportLists(courses: [], people: []) }
        let courses = try tx.query("SELECT id, name FROM crm_course ORDER BY id")
        return ImportLists(courses: try courses.map { (id: try $0.int(0), name: try $0.text(1)) }, people: [])
    }

    /// A customer whose row is locked, after today's expiry.
    private struct Locked {
        let customer: HeldCustomer
        let consultant: Int?
        /// Before the expiry, which nobody can have read of yet.
        let version: Int
        let versionNow: Int

        static func read(_ id: Int, in tx: inout Transaction) throws -> Locked? {
            let rows = try tx.query("SELECT version FROM crm_customer WHERE id = \(id)::bigint FOR NO KEY UPDATE")
            guard let version = try rows.first?.int(0), let customer = try OwnershipStore.lock(id, in: &tx) else {
                return nil
            }
            let row = try tx.query("SELECT consultant_id, version FROM crm_customer WHERE id = \(id)::bigint")[0]
            return Locked(
                customer: customer, consultant: try row.optionalInt(0), version: version, versionNow: try row.int(1))
        }
    }

    /// Checked columns on their way into the row.
    private struct Change {
        let row: CheckedRow
        let given: [String]
        let referrer: Int?

        /// - Returns: false if another customer has the QQ; nothing is changed then.
        func write(to id: Int, in tx: inout Transaction) throws -> Bool {
            let before = try AuditLog.snapshot(customer: id, in: &tx)
            do {
                try tx.savepoint { tx in try update(id, in: &tx) }
            } catch let error as PostgresError where error.sqlState == "23505" {
                return false
            }
            var were = "{}"
            var details = "{}"
            if given.contains("course") {
                were = "{\"course\":\(try Self.courses(of: id, in: &tx))}"
                try replaceCourses(of: id, in: &tx)
                details = "{\"course\":\(try Self.courses(of: id, in: &tx))}"
            }
            try AuditLog.record(
                "customer.edit", customer: id, before: before, details: Array(details.utf8), were: Array(were.utf8),
                in: &tx)
            return true
        }

        private func update(_ id: Int, in tx: inout Transaction) throws {
            func text(_ bytes: ArraySlice<UInt8>?) -> [UInt8]? { bytes.map { Array($0) } }
            _ = try tx.query(
                """
                UPDATE crm_customer c SET
                    qq = CASE WHEN 'qq' = ANY (p.given) THEN \(utf8: text(row.qq))::text ELSE qq END,
                    name = CASE WHEN 'name' = ANY (p.given) THEN \(utf8: text(row.name))::text ELSE name END,
                    gender = CASE WHEN 'gender' = ANY (p.given) THEN \(row.gender)::smallint ELSE gender END,
                    education = CASE WHEN 'education' = ANY (p.given) THEN \(row.education)::int ELSE education END,
                    graduation_school = CASE WHEN 'graduation_school' = ANY (p.given)
                        THEN \(utf8: text(row.graduationSchool))::text ELSE graduation_school END,
                    major = CASE WHEN 'major' = ANY (p.given) THEN \(utf8: text(row.major))::text ELSE major END,
                    experience = CASE WHEN 'experience' = ANY (p.given) THEN \(row.experience)::int ELSE experience END,
                    work_status = CASE WHEN 'work_status' = ANY (p.given) THEN \(row.workStatus)::int
                        ELSE work_status END,
                    company = CASE WHEN 'company' = ANY (p.given) THEN \(utf8: text(row.company))::text ELSE company END,
                    salary = CASE WHEN 'salary' = ANY (p.given) THEN \(utf8: text(row.salary))::text ELSE salary END,
                    source = CASE WHEN 'source' = ANY (p.given) THEN \(row.source)::smallint ELSE source END,
                    referral_from_id = CASE WHEN p.given && '{referral,referral_from_id}' THEN \(referrer)::int
                        ELSE referral_from_id END,
                    version = version + 1
                FROM (SELECT \(given)::text[] AS given) p WHERE c.id = \(id)::bigint
                """)
        }

        private func replaceCourses(of id: Int, in tx: inout Transaction) throws {
            _ = try tx.query(
                """
                DELETE FROM crm_customer_course
                WHERE customer_id = \(id)::bigint AND course_id <> ALL (\(row.courses)::int[])
                """)
            _ = try tx.query(
                """
                INSERT INTO crm_customer_course (customer_id, course_id)
                SELECT \(id)::int, id FROM crm_course WHERE id = ANY (\(row.courses)::int[]) FOR KEY SHARE
                ON CONFLICT (customer_id, course_id) DO NOTHING
                """)
        }

        /// Ids as a JSON array.
        private static func courses(of id: Int, in tx: inout Transaction) throws -> String {
            try tx.query(
                """
                SELECT coalesce(json_agg(course_id ORDER BY course_id), '[]') FROM crm_customer_course
                WHERE customer_id = \(id)::bigint
                """)[0].text(0)
        }
    }
}
