public import CRM
internal import HTTPTypes

/// A customer's story as answers show it.
public struct StoryForm: Sendable {
    private let environment: APIEnvironment

    public init(environment: APIEnvironment) { self.environment = environment }

    public func time(_ fact: CustomerStory.Fact) -> String { environment.time(fact.at) ?? "" }

    /// What `GET /v1/customers/{id}/explain` answers.
    public func json(_ story: CustomerStory) -> [UInt8] {
        JSONWriter.object { out in
            out.field("customer_id", id: story.customer)
            out.field("state", story.state)
            out.array("facts") { out in
                for fact in story.facts {
                    out.object { out in
                        out.field("at", time(fact))
                        out.field("what", fact.what)
                        if let user = fact.user { out.field("user_id", id: user) }
                        out.field("source", fact.source)
                    }
                }
            }
        }
    }
}

/// Why a customer is where it is.
enum ExplainEndpoint {
    static func endpoint(_ customers: CustomersAPI, _ environment: APIEnvironment) -> Endpoint {
        let store = ExplainStore(pool: customers.store.pool)
        let form = StoryForm(environment: environment)
        return Endpoint(
            .get, "/v1/customers/{id}/explain", "Why a customer is where it is, from stored facts"
        ) { call in
            _ = try await CustomerEndpoints.find(call, customers.store)
            guard let story = try await store.story(Int(try call.id(of: "such customer"))) else {
                throw Problem.notFound("such customer")
            }
            return .json(form.json(story))
        }.locating { _ = try await CustomerEndpoints.find($0, customers.store) }
    }
}
