internal import Postgres

/// Who a token belongs to and what its roles permit.
struct AccessStore: Sendable {
    let pool: PostgresPool

    /// A caller and how long the token is still good.
    struct Loaded: Sendable {
        let caller: Caller
        let expiresIn: Duration?
    }

    /// - Parameter deadline: `nil` is the pool's.
    func caller(_ digest: TokenDigest, within deadline: Duration?) async throws -> Loaded? {
        try await pool.transaction(deadline: deadline) { tx in
            let tokens = try tx.query(
                """
                UPDATE paidan.api_token t SET last_used_at = paidan.now()
                FROM rbac_user u LEFT JOIN crm_userinfo s ON s.auth_id = u.id
                WHERE t.sha256 = \(bytes: digest.bytes) AND u.id = t.user_id AND u.is_active
                  AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > paidan.now())
                RETURNING u.id, u.username, s.id,
                    ceil(extract(epoch FROM t.expires_at - paidan.now()) * 1000)::bigint
                """)
            guard let row = tokens.first else { return nil }
            let userID = try row.int(0)
            let permissions = try tx.query(
                """
                SELECT DISTINCT p.url, p.methods, p.code
                FROM rbac_user_roles ur
                JOIN rbac_role_permissions rp ON rp.role_id = ur.role_id
                JOIN rbac_permission p ON p.id = rp.permission_id
                WHERE ur.user_id = \(userID)
                """)
            var rules: [Caller.Rule] = []
            var codes: Set<String> = []
            for permission in permissions {
                codes.insert(try permission.text(2))
                // An invalid pattern grants nothing; `doctor` reports it.
                guard let path = try? PathRule(try permission.text(0)) else { continue }
                rules.append(Caller.Rule(path: path, methods: Methods.parse(try permission.text(1))))
            }
            let caller = Caller(
                userID: Int64(userID), name: try row.text(1), sellerID: try row.optionalInt(2).map { Int64($0) },
                codes: codes, menu: try Self.menu(of: userID, in: &tx), rules: rules)
            return Loaded(caller: caller, expiresIn: try row.optionalInt(3).map { .milliseconds($0) })
        }
    }
}

extension AccessStore {
    /// Menu → group → permissions that stand in a menu themselves (`menu_gp` NULL).
    private static func menu(of user: Int, in tx: inout Transaction) throws -> [UInt8] {
        try tx.query(
            """
            WITH mine AS (
                SELECT DISTINCT p.id, p.title, p.url, p.code, p.group_id
                FROM rbac_user_roles ur JOIN rbac_role_permissions rp ON rp.role_id = ur.role_id
                JOIN rbac_permission p ON p.id = rp.permission_id
                WHERE ur.user_id = \(user) AND p.menu_gp_id IS NULL
            ), groups AS (
                SELECT g.id, g.caption, g.menu_id, json_agg(
                    json_build_object('title', mine.title, 'url', mine.url, 'code', mine.code) ORDER BY mine.id) AS entries
                FROM mine JOIN rbac_group g ON g.id = mine.group_id GROUP BY g.id
            ), menus AS (
                SELECT m.id, m.title, json_agg(
                    json_build_object('caption', groups.caption, 'permissions', groups.entries) ORDER BY groups.id) AS groups
                FROM groups JOIN rbac_menu m ON m.id = groups.menu_id GROUP BY m.id
            )
            SELECT coalesce(json_agg(json_build_object('title', title, 'groups', groups) ORDER BY id), '[]') FROM menus
            """)[0].utf8(0)
    }
}

/// The column `rbac_permission.methods`: `*`, or names such as `GET,POST`.
enum Methods {
    /// - Returns: nil for every method.
    static func parse(_ text: String) -> Set<String>? {
        let names = text.split(separator: ",").map { name in name.filter { !$0.isWhitespace }.uppercased() }
        return names.contains("*") ? nil : Set(names)
    }
}
