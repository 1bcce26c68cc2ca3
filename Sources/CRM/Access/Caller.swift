internal import OwnerThread

/// Who makes a request, and what that person's roles permit.
public struct Caller: Sendable {
    /// Row of `rbac_user`.
    public let userID: Int64
    public let name: String
    /// Row of `crm_userinfo` whose `auth_id` is the user; nil for one who is no seller.
    public let sellerID: Int64?
    /// Codes such as `customer.all`.
    public let codes: Set<String>
    /// JSON: `[{title, groups: [{caption, permissions: [{title, url, code}]}]}]`, so that a page can draw itself.
    public let menu: [UInt8]
    let rules: [Rule]
    /// What was asked before; a caller is made anew when the rules change.
    private let answers = Answers()

    init(
        userID: Int64, name: String, sellerID: Int64?, codes: Set<String>, menu: [UInt8], rules: [Rule]
    ) {
        self.userID = userID
        self.name = name
        self.sellerID = sellerID
        self.codes = codes
        self.menu = menu
        self.rules = rules
    }

    struct Rule: Sendable {
        let path: PathRule
        /// nil is every method.
        let methods: Set<String>?
    }

    /// ``sellerID`` as an id of this module.
    var seller: Int? { sellerID.map { Int($0) } }

    /// For the audit log.
    var actor: String { "user:\(userID)" }

    /// Sees every customer, not only his own and the pool.
    public var isManager: Bool { codes.contains("customer.all") }

    /// Whether some permission matches the whole path and the method.
    public func mayCall(method: String, path: String) -> Bool {
        // HEAD shows no more than GET does.
        let method = method == "HEAD" ? "GET" : method
        return answers.find(method + " " + path) {
            rules.contains { ($0.methods?.contains(method) ?? true) && $0.path.matches(path) }
        }
    }

    /// Answers to questions that come again: a rule costs more than a look.
    private final class Answers: Sendable {
        private static let most = 256
        private let known = Lock<[String: Bool]>([:])

        func find(_ question: String, _ answer: () -> Bool) -> Bool {
            if let known = known.withLock({ $0[question] }) { return known }
            let found = answer()
            known.withLock { known in
                if known.count >= Self.most { known = [:] }
                known[question] = found
            }
            return found
        }
    }
}
