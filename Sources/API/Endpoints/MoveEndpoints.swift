internal import CRM
internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird

/// What people do with one customer, at once: `POST /v1/customers/{id}/…`.
enum MoveEndpoints {
    static func all(_ desk: OwnershipDesk) -> [Endpoint] {
        [
            move("grab", "Take a customer out of the pool", desk) { call, id in
                try await desk.grab(id, by: try call.identified())
            },
            move("follow-ups", "Write a note; the owner's moves the clock", desk, body: .json()) { call, id in
                var fields = try call.fields()
                let note = fields.required("note")
                try fields.finish()
                return try await desk.followUp(id, note: note, by: try call.identified())
            },
            move("release", "Give one's customer back to the pool", desk, body: .json()) { call, id in
                var fields = try call.fields()
                let reason = fields.required("reason")
                try fields.finish()
                return try await desk.release(id, reason: reason, by: try call.identified())
            },
            move("transfer", "Give a customer to a seller", desk, body: .json()) { call, id in
                var fields = try call.fields()
                let to = fields.id("to")
                if to == nil, !fields.has("to") || fields.isNull("to") { fields.note("to", "required", "is missing") }
                try fields.finish()
                guard let to else { throw Problem.invalid(fields.errors) }
                return try await desk.transfer(id, to: Int(to), by: try call.identified())
            },
            move("to-pool", "Put a customer that waits for a seller into the pool", desk) { call, id in
                try await desk.toPool(id, by: try call.identified())
            },
        ]
    }

    /// These are judged by their own codes, not by the caller's rows: 404 only for a customer that does not exist.
    private static func move(
        _ word: String, _ summary: String, _ desk: OwnershipDesk, body: Endpoint.Body = .none,
        run: @escaping @Sendable (Call, _ id: Int) async throws -> Moved
    ) -> Endpoint {
        Endpoint(.post, "/v1/customers/{id}/\(word)", summary, body: body) { call in
            let id = Int(try call.id(of: "such customer"))
            do {
                return try CustomerEndpoints.reply(try await run(call, id))
            } catch is NoSeller {
                throw Problem.forbidden("Only an active person of department 1001 can have customers.")
            } catch let problem as Problem where problem.status == .unprocessableContent {
                // 404 comes before 422.
                guard try await desk.exists(id) else { throw Problem.notFound("such customer") }
                throw problem
            }
        }.locating { call in
            guard try await desk.exists(Int(try call.id(of: "such customer"))) else {
                throw Problem.notFound("such customer")
            }
        }
    }
}

extension CustomerEndpoints {
    /// - Throws: `Problem` 404, 409 or 422 for what was not done.
    static func reply(_ moved: Moved) throws -> Reply {
        switch moved {
        case .done(let view): return try reply(view, status: .ok)
        case .noted(let view, let clockMoved):
            var reply = try reply(view, status: .ok)
            let bytes = try JSONEncoder().encode(Noted(customer: view, clockMoved: clockMoved))
            reply.body = ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
            return reply
        case .missing: throw Problem.notFound("such customer")
        case .invalid(let problems):
            throw Problem.invalid(problems.map { FieldError($0.pointer, $0.code, $0.message) })
        case .refused(let refusal): throw Problem.conflict(refusal.rawValue, refusal.detail)
        }
    }
}

/// The customer with one member more.
private struct Noted: Encodable {
    let customer: CustomerView
    let clockMoved: Bool

    private enum CodingKeys: String, CodingKey { case clockMoved = "clock_moved" }

    func encode(to encoder: any Encoder) throws {
        try customer.encode(to: encoder)
        var out = encoder.container(keyedBy: CodingKeys.self)
        try out.encode(clockMoved, forKey: .clockMoved)
    }
}

extension MoveRefusal {
    /// What happened and what to do.
    var detail: String {
        switch self {
        case .pending: "The customer waits for its first seller; a manager can assign it or put it into the pool."
        case .closed: "The customer is enrolled; a manager can reopen it."
        case .taken: "Somebody has the customer."
        case .formerOwner: "You let this customer go and may not have it again; a manager can transfer it to you."
        case .limit: "A bound is reached: customers in hand, customers of today, or days in the pool before a grab."
        case .expired: "The customer's last day with you is over; it is in the pool."
        case .notOwner: "You do not have this customer."
        case .state: "The customer is not in a state in which this can be done."
        }
    }
}
