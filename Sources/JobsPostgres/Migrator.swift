public import Postgres

/// Brings a database up to date: numbered SQL files, each in a transaction of its own, under one advisory lock.
public struct Migrator: Sendable {
    private let pool: PostgresPool
    private let migrations: [Migration]

    /// - Parameter migrations: those of all modules, in any order; their numbers must be 1, 2, 3 …
    public init(pool: PostgresPool, migrations: [Migration]) {
        self.pool = pool
        self.migrations = migrations.sorted { $0.number < $1.number }
        precondition(
            self.migrations.map(\.number) == Array(1...max(1, migrations.count)),
            "migrations must be numbered 1, 2, 3 …")
    }

    /// What the database holds of each migration; also those it holds and this program does not know.
    public func status() async throws -> [MigrationStatus] {
        let migrations = migrations
        return try await pool.transaction { tx in
            let exists = try tx.query("SELECT to_regclass('paidan.schema_migration') IS NOT NULL")[0].bool(0)
            return try Self.status(of: migrations, recorded: exists, in: &tx)
        }
    }

    /// Applies what is missing. A second call changes nothing; of two at once one waits for the other.
    ///
    /// Repairs of old rows stand in `paidan.audit_log` with the actor `migrate`, written by the migration itself.
    ///
    /// - Parameter report: takes one line for each migration applied and each repair; ids, dates and codes only.
    /// - Throws: ``MigrationError`` if the server is older than 15 or an applied file has changed, and then nothing is
    ///   applied; or if a migration fails, and then that one is undone and the ones before it stay.
    public func migrate(_ report: @Sendable (String) -> Void) async throws {
        try await prepare()
        let states = try await status()
        if let changed = states.first(where: { $0.state == .changed }) {
            throw MigrationError(
                migration: changed.name,
                problem: "was changed after it had been applied; restore the file and put the change into a new one")
        }
        for unknown in states where unknown.state == .unknown {
            report("\(unknown.name): applied by a newer version of this program")
        }
        for migration in migrations {
            guard let repairs = try await apply(migration) else { continue }
            report("\(migration.name): applied")
            try await tell(repairs, report)
        }
    }

    private func prepare() async throws {
        try await pool.transaction(deadline: Self.patience) { tx in
            let version = try tx.query("SELECT current_setting('server_version_num')::int")[0].int(0)
            guard version >= 150_000 else {
                throw MigrationError(
                    migration: nil, problem: "PostgreSQL \(version / 10_000) is too old; 15 is the least")
            }
            try Self.lock(&tx)
            try tx.run(
                script: """
                    SET LOCAL client_min_messages = warning;
                    CREATE SCHEMA IF NOT EXISTS paidan;
                    CREATE TABLE IF NOT EXISTS paidan.schema_migration (
                        number int PRIMARY KEY,
                        name text NOT NULL,
                        checksum text NOT NULL,
                        applied_at timestamptz NOT NULL DEFAULT now()
                    );
                    """)
        }
    }

    /// - Returns: the audit rows it wrote, or nil if it was applied before.
    private func apply(_ migration: Migration) async throws -> ClosedRange<Int>? {
        do {
            return try await pool.transaction(deadline: Self.patience) { tx in
                try Self.lock(&tx)
                guard try Self.isPending(migration, in: &tx) else { return nil }
                let before = try Self.lastRepair(&tx)
                try tx.run(
                    script: """
                        SET LOCAL client_min_messages = warning;
                        SELECT set_config('paidan.writer', 'service', true), set_config('paidan.actor', 'migrate', true);
                        """)
                try tx.run(script: migration.sql)
                _ = try tx.query(
                    """
                    INSERT INTO paidan.schema_migration (number, name, checksum)
                    VALUES (\(migration.number)::int, \(migration.name),
                        encode(sha256(convert_to(\(migration.sql), 'UTF8')), 'hex'))
                    """)
                return before + 1...max(before, try Self.lastRepair(&tx)) + 1
            }
        } catch let error as PostgresError where error.code == .server {
            throw MigrationError(migration: migration.name, problem: "failed and was undone: \(error)")
        }
    }

    private func tell(_ repairs: ClosedRange<Int>, _ report: @Sendable (String) -> Void) async throws {
        var next = repairs.lowerBound
        while true {
            let rows = try await pool.query(
                """
                SELECT id, concat_ws(' ', action || ':', entity, entity_id, before::text, '→ ' || after::text)
                FROM paidan.audit_log
                WHERE id >= \(next)::bigint AND id < \(repairs.upperBound)::bigint AND actor = 'migrate'
                ORDER BY id LIMIT 1000
                """)
            for row in rows { report(try row.text(1)) }
            guard let last = rows.last else { return }
            next = try last.int(0) + 1
        }
    }

    private static func lastRepair(_ tx: inout Transaction) throws -> Int {
        // The first migration makes the table.
        guard try tx.query("SELECT to_regclass('paidan.audit_log') IS NOT NULL")[0].bool(0) else { return 0 }
        return try tx.query("SELECT coalesce(max(id), 0) FROM paidan.audit_log")[0].int(0)
    }

    private static func status(
        of migrations: [Migration], recorded: Bool, in tx: inout Transaction
    ) throws -> [MigrationStatus] {
        guard recorded else {
            return migrations.map { MigrationStatus(number: $0.number, name: $0.name, state: .pending) }
        }
        let rows = try tx.query(
            """
            SELECT coalesce(f.number, a.number), coalesce(f.name, a.name),
                CASE WHEN a.number IS NULL THEN 'pending' WHEN f.number IS NULL THEN 'unknown'
                     WHEN a.checksum = encode(sha256(convert_to(f.sql, 'UTF8')), 'hex') THEN 'applied'
                     ELSE 'changed' END
            FROM unnest(\(migrations.map(\.number))::int[], \(migrations.map(\.name))::text[],
                        \(migrations.map(\.sql))::text[]) AS f (number, name, sql)
            FULL JOIN paidan.schema_migration a USING (number)
            ORDER BY 1
            """)
        return try rows.map { row in
            guard let state = MigrationStatus.State(rawValue: try row.text(2)) else {
                throw MigrationError(migration: try row.text(1), problem: "has no known state")
            }
            return MigrationStatus(number: try row.int(0), name: try row.text(1), state: state)
        }
    }

    private static func isPending(_ migration: Migration, in tx: inout Transaction) throws -> Bool {
        try tx.query("SELECT FROM paidan.schema_migration WHERE number = \(migration.number)::int").isEmpty
    }

    private static func lock(_ tx: inout Transaction) throws {
        _ = try tx.query("SELECT pg_advisory_xact_lock(\(advisoryLock))")
    }

    /// "paidan" in ASCII; no other program is likely to lock it.
    private static let advisoryLock = 0x7061_6964_616E
    /// Adopting millions of rows takes minutes, and so may waiting for another migrator.
    private static let patience: Duration = .seconds(3600)
}

/// What a database holds of one migration.
public struct MigrationStatus: Sendable, Equatable {
    public enum State: String, Sendable {
        case applied, pending
        /// Applied from a file that read otherwise.
        case changed
        /// Applied by a newer program.
        case unknown
    }
    public let number: Int
    public let name: String
    public let state: State
}

/// Why the database could not be brought up to date.
public struct MigrationError: Error, Sendable, CustomStringConvertible {
    /// Name of the file, nil if it is not about one.
    public let migration: String?
    public let problem: String

    public var description: String { [migration, problem].compactMap(\.self).joined(separator: " ") }
}
