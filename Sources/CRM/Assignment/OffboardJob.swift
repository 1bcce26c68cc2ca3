public import Jobs
internal import JobsPostgres
public import Postgres

/// `seller.offboard {user_id}`: takes slots and customers from a seller who left, and hands the customers out again.
public struct OffboardJob: Sendable {
    public static let kind = "seller.offboard"

    struct Arguments: Decodable, Sendable {
        let user: Int
        /// Not an order: he has left, when this was the newest distribution.
        let leftAfter: Int?

        private enum Key: String, CodingKey {
            case user = "user_id"
            case leftAfter = "left_after"
        }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: Key.self)
            user = try fields.decode(GivenID.self, forKey: .user).value
            leftAfter = try fields.decodeIfPresent(Int.self, forKey: .leftAfter)
        }
    }

    private let pool: PostgresPool
    private let list: any SellerList
    private let hooks: AssignmentHooks

    public init(pool: PostgresPool, list: any SellerList, hooks: AssignmentHooks) {
        self.pool = pool
        self.list = list
        self.hooks = hooks
    }

    public var kind: Kind {
        Kind.single(Self.kind, queue: "critical", hasEffect: true) { (claim: Claim, arguments: Arguments, _) in
            try await run(job: claim.id, user: arguments.user, leftAfter: arguments.leftAfter)
        }
    }

    func run(job: String, user: Int, leftAfter: Int? = nil) async throws -> Outcome {
        let hooks = hooks
        let result: Offboard.Result?
        do {
            result = try await pool.transaction { tx -> Offboard.Result? in
                guard try Receipts.take(job, kind: Self.kind, in: &tx) else { return nil }
                // Of one who has left by a page of the CRM, the page may have deleted the rest.
                if leftAfter == nil, try tx.query("SELECT FROM crm_userinfo WHERE id = \(user)::bigint").isEmpty {
                    throw NoPerson()
                }
                return try Offboard.run(user: user, leftAfter: leftAfter, hooks: hooks, in: &tx)
            }
        } catch is NoPerson {
            return .dead(code: "not_found", message: "there is no person \(user)")
        }
        if let load = result?.load { try? await list.load(load) }
        return .done(result: result?.json)
    }

    private struct NoPerson: Error {}
}
