public import CRM
internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird

/// What the endpoints of customers need.
public struct CustomersAPI: Sendable {
    let store: CustomerStore

    public init(store: CustomerStore) { self.store = store }

    var search: CustomerSearch { CustomerSearch(pool: store.pool) }
}

enum CustomerEndpoints {
    static func all(_ customers: CustomersAPI) -> [Endpoint] {
        [
            Endpoint(.post, "/v1/customers", "Enter one customer", body: .json(), success: 201) { call in
                try await create(call, customers.store)
            },
            Endpoint(
                .get, "/v1/customers/{id}", "One customer, as of today"
            ) { call in
                try reply(try await find(call, customers.store), status: .ok)
            }.locating { _ = try await find($0, customers.store) },
        ]
    }

    /// - Throws: `Problem` 404, also for a customer outside the caller's rows.
    static func find(_ call: Call, _ store: CustomerStore) async throws -> CustomerView {
        let caller = try call.identified()
        guard let view = try await store.view(Int(try call.id(of: "such customer"))), isVisible(view, to: caller)
        else { throw Problem.notFound("such customer") }
        return view
    }

    /// A seller sees his own customers and those in the public pool.
    private static func isVisible(_ view: CustomerView, to caller: Caller) -> Bool {
        if caller.isManager || view.poolState == "public" { return true }
        return caller.sellerID.map { "\($0)" == view.consultantID } ?? false
    }

    private static func create(_ call: Call, _ store: CustomerStore) async throws -> Reply {
        let caller = try call.identified()
        let input: CustomerInput
        do {
            input = try CustomerInput(json: Array(call.json))
        } catch {
            throw Problem.invalid([FieldError("", "type", "must be an object of texts and numbers")])
        }
        let created = try await store.create(
            input, seller: caller.sellerID.map { Int($0) }, actor: call.actor, traceparent: call.header(.traceparent))
        switch created {
        case .created(let view):
            return try reply(view, status: .created).with(.location, "/v1/customers/\(view.id)")
        case .invalid(let problems):
            throw Problem.invalid(problems.map { FieldError($0.pointer, $0.code, $0.message) })
        case .duplicate(let state):
            throw duplicate(state)
        }
    }

    static func duplicate(_ state: String) -> Problem {
        var problem = Problem.conflict("duplicate", "There is a customer with this QQ already; it is \(state).")
        problem.members = [("pool_state", state)]
        return problem
    }

    static func reply(_ view: CustomerView, status: HTTPResponse.Status) throws -> Reply {
        .json(Array(try JSONEncoder().encode(view)), status: status).with(.eTag, "\"\(view.version)\"")
    }
}
