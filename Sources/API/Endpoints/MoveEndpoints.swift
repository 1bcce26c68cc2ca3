internal import CRM
internal import HTTPTypes
internal import Hummingbird

/// What people do with one customer, at once: `POST /v1/customers/{id}/…`.
enum MoveEndpoints {
    static func all(_ desk: OwnershipDesk) -> [Endpoint] {
        [
            move("grab", "Take a customer out of the pool", desk) { call, id in
                try await desk.grab(id, by: try call.identified())
            }
        ]
    }

    /// These are judged by their own codes, not by the caller's rows: 404 only for a customer that does not exist.
    static func move(
        _ word: String, _ summary: String, _ desk: OwnershipDesk, body: Endpoint.Body = .none,
        run: @escaping @Sendable (Call, _ id: Int) async throws -> Moved
    ) -> Endpoint {
        Endpoint(.post, "/v1/customers/{id}/\(word)", summary, body: body) { call in
            let id = Int(try call.id(of: "such customer"))
            do {
                return try CustomerEndpoints.reply(try await run(call, id))
            } catch is NoSeller {
                throw Problem.forbidden("Only an active person of department 1001 can have customers.")
            } catch is NotPermitted {
                throw Problem.forbidden()
            } catch let problem as Problem where problem.status == .unprocessableContent {
                // A customer that is not there is told before what is wrong with the request.
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
        case .missing: throw Problem.notFound("such customer")
        case .invalid(let problems):
            throw Problem.invalid(problems.map { FieldError($0.pointer, $0.code, $0.message) })
        case .refused(let refusal): throw Problem.conflict(refusal.rawValue, refusal.detail)
        }
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
