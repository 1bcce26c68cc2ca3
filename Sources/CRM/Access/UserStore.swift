public import Postgres

/// Users, their roles and their tokens, as the command line makes them.
public struct UserStore: Sendable {
    let pool: PostgresPool

    public init(pool: PostgresPool) { self.pool = pool }

    public enum Refusal: Error, Sendable, CustomStringConvertible {
        case nameTaken(String)
        case unknownUser(String)
        case unknownRole(String, known: [String])
        case badName(String)
        case disabled(String)
        case unknownToken(Int64)

        public var description: String {
            switch self {
            case .nameTaken(let name): "A user \(name) is there already."
            case .unknownUser(let name): "There is no user \(name); `paidan user list` shows who is there."
            case .unknownRole(let name, let known):
                "There is no role \(name); there are \(known.joined(separator: ", "))."
            case .badName(let problem): "The name \(problem)."
            case .disabled(let name): "The user \(name) is disabled."
            case .unknownToken(let id): "There is no valid token \(id); `paidan token list` shows them."
            }
        }
    }

    public struct User: Sendable {
        public let id: Int64
        public let name: String
        public let roles: [String]
        /// `crm_userinfo.id`, for one who has a row there.
        public let sellerID: Int64?
        public let isActive: Bool
    }

    public struct TokenView: Sendable {
        public let id: Int64
        public let user: String
        public let createdAt: String
        public let expiresAt: String?
        public let lastUsedAt: String?
        public let isRevoked: Bool
    }

    private static let sellersDepartment = 1001

    /// Makes an `rbac_user` and, for a seller, its `crm_userinfo` in department 1001.
    ///
    /// A seller for whom no role is named gets 销售, since without a role nothing is permitted.
    public func create(name: String, roles: [String], seller: Bool) async throws -> User {
        guard !name.isEmpty, name.count <= (seller ? 16 : 32) else {
            throw Refusal.badName("must have 1 to \(seller ? 16 : 32) characters")
        }
        let roles = roles.isEmpty && seller ? ["销售"] : roles
        return try await pool.transaction { tx in
            Author.set("command line", in: &tx)
            let known = try tx.query("SELECT id, title FROM rbac_role ORDER BY id")
            var roleIDs: [Int] = []
            for role in roles {
                guard let row = try known.first(where: { try $0.text(1) == role }) else {
                    throw Refusal.unknownRole(role, known: try known.map { try $0.text(1) })
                }
                roleIDs.append(try row.int(0))
            }
            let taken = try tx.query("SELECT FROM rbac_user WHERE username = \(name)")
            guard taken.isEmpty else { throw Refusal.nameTaken(name) }
            let id = try tx.query("INSERT INTO rbac_user (username) VALUES (\(name)) RETURNING id")[0].int(0)
            _ = try tx.query(
                "INSERT INTO rbac_user_roles (user_id, role_id) SELECT \(id), r FROM unnest(\(roleIDs)::int[]) r")
            var sellerID: Int64?
            if seller {
                let row = try tx.query(
                    """
                    INSERT INTO crm_userinfo (auth_id, name, username, depart_id)
                    VALUES (\(id), \(name), \(name), \(Self.sellersDepartment)) RETURNING id
                    """)[0]
                sellerID = Int64(try row.int(0))
            }
            try AuditLog.record(
                "user.create", "rbac_user", String(id),
                after: """
                    jsonb_build_object('username', \(name)::text, 'roles', to_jsonb(\(roles)::text[]),
                        'seller_id', \(sellerID.map { Int($0) })::bigint)
                    """, in: &tx)
            return User(id: Int64(id), name: name, roles: roles, sellerID: sellerID, isActive: true)
        }
    }

    public func list() async throws -> [User] {
        let rows = try await pool.query(
            """
            SELECT u.id, u.username, coalesce(string_agg(r.title, ',' ORDER BY r.id), ''), s.id, u.is_active
            FROM rbac_user u
            LEFT JOIN rbac_user_roles ur ON ur.user_id = u.id LEFT JOIN rbac_role r ON r.id = ur.role_id
            LEFT JOIN crm_userinfo s ON s.auth_id = u.id
            GROUP BY u.id, s.id ORDER BY u.id
            """)
        return try rows.map { row in
            User(
                id: Int64(try row.int(0)), name: try row.text(1),
                roles: try row.text(2).split(separator: ",").map(String.init),
                sellerID: try row.optionalInt(3).map { Int64($0) }, isActive: try row.bool(4))
        }
    }

    /// Ends the user's access at once and, for a seller, his part in the assignment (his customers go to others).
    public func disable(name: String) async throws {
        try await pool.transaction { tx in
            Author.set("command line", in: &tx)
            let rows = try tx.query("SELECT id, is_active FROM rbac_user WHERE username = \(name) FOR NO KEY UPDATE")
            guard let user = rows.first else { throw Refusal.unknownUser(name) }
            let id = try user.int(0)
            _ = try tx.query("UPDATE rbac_user SET is_active = false WHERE id = \(id)")
            let tokens = try tx.query(
                """
                UPDATE paidan.api_token SET revoked_at = paidan.now() WHERE user_id = \(id) AND revoked_at IS NULL
                RETURNING id
                """
            ).map { try $0.int(0) }
            let sellers = try tx.query(
                "UPDATE crm_userinfo SET is_active = false WHERE auth_id = \(id) AND is_active RETURNING id"
            ).map { try $0.int(0) }
            try AuditLog.record(
                "user.disable", "rbac_user", String(id),
                before: "jsonb_build_object('is_active', \(try user.bool(1))::boolean)",
                after: """
                    jsonb_build_object('is_active', false, 'revoked_tokens', to_jsonb(\(tokens)::bigint[]),
                        'seller_id', \(sellers.first)::bigint)
                    """, in: &tx)
        }
    }

    /// Makes a token; it is shown once and only its hash is kept.
    ///
    /// - Parameter lifetime: nil never ends.
    public func createToken(
        user name: String, lifetime: Duration?, random: inout some RandomNumberGenerator
    ) async throws -> (token: String, view: TokenView) {
        let token = Token.make(using: &random)
        let digest = TokenDigest(of: token)
        let seconds = lifetime.map { Int($0.components.seconds) }
        let view = try await pool.transaction { tx in
            Author.set("command line", in: &tx)
            guard let user = try tx.query("SELECT id, is_active FROM rbac_user WHERE username = \(name)").first else {
                throw Refusal.unknownUser(name)
            }
            guard try user.bool(1) else { throw Refusal.disabled(name) }
            let row = try tx.query(
                """
                INSERT INTO paidan.api_token (user_id, sha256, expires_at)
                VALUES (\(try user.int(0)), \(bytes: digest.bytes),
                        paidan.now() + \(seconds)::bigint * interval '1 second')
                RETURNING id, \(raw: Self.time("created_at")), \(raw: Self.time("expires_at"))
                """)[0]
            try AuditLog.record(
                "token.create", "paidan.api_token", row.optionalText(0),
                after: """
                    jsonb_build_object('user_id', \(try user.int(0))::bigint, 'expires_at', \(row.optionalText(2))::text)
                    """, in: &tx)
            return TokenView(
                id: Int64(try row.int(0)), user: name, createdAt: try row.text(1), expiresAt: row.optionalText(2),
                lastUsedAt: nil, isRevoked: false)
        }
        return (token, view)
    }

    public func listTokens() async throws -> [TokenView] {
        let rows = try await pool.query(
            """
            SELECT t.id, u.username, \(raw: Self.time("t.created_at")), \(raw: Self.time("t.expires_at")),
                \(raw: Self.time("t.last_used_at")), t.revoked_at IS NOT NULL
            FROM paidan.api_token t JOIN rbac_user u ON u.id = t.user_id ORDER BY t.id
            """)
        return try rows.map { row in
            TokenView(
                id: Int64(try row.int(0)), user: try row.text(1), createdAt: try row.text(2),
                expiresAt: row.optionalText(3), lastUsedAt: row.optionalText(4), isRevoked: try row.bool(5))
        }
    }

    public func revokeToken(_ id: Int64) async throws {
        try await pool.transaction { tx in
            Author.set("command line", in: &tx)
            let rows = try tx.query(
                """
                UPDATE paidan.api_token SET revoked_at = paidan.now()
                WHERE id = \(id) AND revoked_at IS NULL RETURNING id
                """)
            guard !rows.isEmpty else { throw Refusal.unknownToken(id) }
            try AuditLog.record(
                "token.revoke", "paidan.api_token", String(id), before: "jsonb_build_object('is_revoked', false)",
                after: "jsonb_build_object('is_revoked', true)", in: &tx)
        }
    }

    /// RFC 3339 in UTC.
    private static func time(_ column: String) -> String {
        "to_char(\(column) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
    }
}
