internal import CRM

/// Deals and what follows from them: `POST /v1/customers/{id}/deal`, `/reopen`, `/protect`, `/payments`.
enum DealEndpoints {
    static func all(_ desk: OwnershipDesk) -> [Endpoint] {
        [
            MoveEndpoints.move(
                "deal", "Report that a customer signed", desk, body: .json(isOptional: true)
            ) { call, id in
                let caller = try call.identified()
                var fields = try call.fields()
                let isLate = fields.boolean("late") ?? false
                // What is not permitted is said before what is wrong.
                if isLate, !caller.mayReportLate { throw Problem.forbidden() }
                try fields.finish()
                return try await desk.deal(id, isLate: isLate, by: caller)
            },
            MoveEndpoints.move(
                "reopen", "Open a closed customer again", desk, body: .json(isOptional: true)
            ) { call, id in
                var fields = try call.fields()
                let user = fields.id("to")
                try fields.finish()
                return try await desk.reopen(id, to: user.map { Int($0) }, by: try call.identified())
            },
            MoveEndpoints.move(
                "protect", "Keep a private customer from expiring", desk, body: .json()
            ) { call, id in
                var fields = try call.fields()
                let until = fields.string("until")
                if !fields.has("until") { fields.note("until", "required", "is missing; null lifts the protection") }
                try fields.finish()
                return try await desk.protect(id, until: until, by: try call.identified())
            },
            MoveEndpoints.move("payments", "Record a payment", desk, body: .json()) { call, id in
                try await desk.pay(id, try payment(call), by: try call.identified())
            },
        ]
    }

    private static func payment(_ call: Call) throws -> PaymentInput {
        let any = Int.min...Int.max
        var fields = try call.fields()
        let type = fields.integer("pay_type", in: any)
        if !fields.has("pay_type") || fields.isNull("pay_type") { fields.note("pay_type", "required", "is missing") }
        let input = PaymentInput(
            payType: type ?? 0, paidFee: fields.integer("paid_fee", in: any) ?? 0,
            turnover: fields.integer("turnover", in: any), quote: fields.integer("quote", in: any),
            note: fields.string("note"), classListID: fields.id("class_list_id").map { Int($0) })
        try fields.finish()
        return input
    }
}
