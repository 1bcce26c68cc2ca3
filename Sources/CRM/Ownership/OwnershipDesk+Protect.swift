internal import Postgres

extension OwnershipDesk {
    /// Keeps a private customer from expiring.
    ///
    /// - Parameter until: the last day of it, `2026-01-31`, today or later; `nil` lifts it. Afterwards the dates of the
    ///   last follow-up and of the receipt count as before.
    public func protect(_ id: Int, until: String?, by caller: Caller) async throws -> Moved {
        try await change(id, "customer.protect", by: caller) { customer, tx in
            if let until {
                let today = Day(try tx.query("SELECT paidan.today()")[0].text(0)) ?? Day(number: 0)
                if let problem = ProtectRules.problem(until, today: today) { return .invalid([problem]) }
            }
            guard customer.state == .private else { return .refused(.state) }
            _ = try tx.query(
                """
                UPDATE crm_customer SET protected_until = \(until)::date, version = version + 1
                WHERE id = \(id)::bigint
                """)
            return .changed()
        }
    }
}

/// Until when a customer may be protected. Pure.
enum ProtectRules {
    /// The day after it must still have four digits of a year.
    private static let last = Day("9999-12-30") ?? Day(number: 0)

    /// - Returns: `nil` for a day that is not over.
    static func problem(_ until: String, today: Day) -> CustomerProblem? {
        guard let day = Day(until), day.description == until else {
            return CustomerProblem(pointer: "/until", code: "type", message: "must be a day such as 2026-01-31")
        }
        if day > last {
            return CustomerProblem(pointer: "/until", code: "range", message: "日期最晚可到 \(last)")
        }
        if day < today {
            return CustomerProblem(pointer: "/until", code: "range", message: "must not lie before today, \(today)")
        }
        return nil
    }
}
