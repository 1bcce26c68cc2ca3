import CRM
import Foundation
import JobsPostgres
import Postgres
import TestSupport

/// Processes that run pages of the CRM with Django itself; one for all tests of this process.
enum Django {
    /// The models as README asks for: a customer may be without a consultant.
    static let crm = Task { try start("crm") }
    /// The models as they were before.
    static let unchanged = Task { try start("unchanged", environment: ["CRM_CONSULTANT": "required"]) }

    /// The role of the pages: rights on tables of the CRM and of Django, none in the schema `paidan`.
    static let role = "crm_pages"

    /// - Parameter history: folder of the models' migrations; of a name of its own for each process.
    static func start(
        _ name: String, history: String? = nil, environment: [String: String] = [:]
    ) throws -> Dialogue {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let folder = "\(PrivateServers.folder)/django-\(name)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return try Dialogue(
            "python3",
            [
                root.appending(path: "Tests/Reference/crm/page.py").path(),
                root.appending(path: ".build/django-5.2.19").path(), (history ?? folder) + "/made",
            ],
            environment: environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 }, log: folder + "/log")
    }

    struct Failure: Error, Decodable, CustomStringConvertible {
        let type: String
        let text: String
        let state: String?
        let hint: String?

        var description: String { "\(type) \(state ?? "-"): \(text)" }
    }

    private struct Order: Encodable {
        let database: [String: String]
        let code: String
    }

    private struct Answer: Decodable {
        let value: String?
        let error: Failure?
    }

    /// Runs the code of a page in a database.
    ///
    /// - Parameter user: role to connect as.
    /// - Returns: what its last line gives: a text as it is, else as JSON, "" if nothing.
    /// - Throws: ``Failure`` if the page raised something.
    @discardableResult
    static func run(
        _ code: String, in conninfo: String, as user: String = role, by process: Dialogue
    ) async throws -> String {
        var words: [String: String] = [:]
        for word in conninfo.split(separator: " ") {
            let parts = word.split(separator: "=", maxSplits: 1)
            // The last of two equal keywords counts.
            words[String(parts[0])] = String(parts[1])
        }
        let order = Order(
            database: ["NAME": words["dbname"] ?? "", "HOST": words["host"] ?? "", "USER": user], code: code)
        let line = try await process.ask(String(decoding: JSONEncoder().encode(order), as: UTF8.self))
        let answer = try JSONDecoder().decode(Answer.self, from: Data(line.utf8))
        if let error = answer.error { throw error }
        return answer.value ?? ""
    }

    /// Lets the pages' role write where pages write.
    static let grant: SQL = """
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'crm_pages') THEN CREATE ROLE crm_pages LOGIN; END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
        """
    static let rights: [SQL] = [
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO crm_pages",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO crm_pages",
    ]
}

extension Story {
    /// A database whose tables paidan has made, and which Django has taken for its own; pages run with the role of pages.
    static func besideDjango(_ body: @Sendable (Story) async throws -> Void) async throws {
        let prepare: @Sendable (String) async throws -> Void = { conninfo in
            try await migrate(conninfo)
            try await Django.run(
                """
                manage("makemigrations", "rbac", "crm", "survey", "booking")
                manage("migrate", "--fake-initial")
                from django.contrib.auth.models import User
                User.objects.create_superuser("admin", "", "admin")
                connection.close()
                """, in: conninfo, as: "postgres", by: Django.crm.value)
            try await PostgresPool.with(conninfo, sessions: 1) { pool in
                for statement in [Django.grant] + Django.rights { _ = try await pool.query(statement) }
            }
        }
        try await FreshDatabase.with(template: "django", prepare: prepare) { conninfo in
            try await PostgresPool.with(conninfo, sessions: 2) { pool in
                try await body(Story(pool: pool, conninfo: conninfo))
            }
        }
    }

    /// Runs the code of a page; what its last line gives.
    @discardableResult
    func django(_ code: String) async throws -> String {
        try await Django.run(code, in: conninfo, by: Django.crm.value)
    }

    /// What Django raises for the code of a page, `IntegrityError PD001`, or "" if nothing.
    func djangoError(_ code: String) async throws -> String {
        do {
            try await django(code)
            return ""
        } catch let error as Django.Failure {
            return error.type + " " + (error.state ?? "-")
        }
    }
}
