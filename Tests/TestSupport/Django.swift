internal import Foundation
public import Postgres

/// Processes that run pages of the CRM with Django itself; one for all tests of this process.
public enum Django {
    /// The models as README asks for: a customer may be without a consultant.
    public static let crm = Task { try start("crm") }
    /// The models as they were before.
    public static let unchanged = Task { try start("unchanged", environment: ["CRM_CONSULTANT": "required"]) }

    /// The role of the pages: rights on tables of the CRM and of Django, none in the schema `paidan`.
    public static let role = "crm_pages"

    /// - Parameter history: folder of the models' migrations; of a name of its own for each process.
    public static func start(
        _ name: String, history: String? = nil, environment: [String: String] = [:]
    ) throws -> Dialogue {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
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

    public struct Failure: Error, Decodable, CustomStringConvertible {
        /// The exception's class, `IntegrityError`.
        public let type: String
        public let text: String
        /// SQLSTATE, if the database raised it.
        public let state: String?
        public let hint: String?

        public var description: String { "\(type) \(state ?? "-"): \(text)" }
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
    public static func run(
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

    /// Makes the role of the pages, and lets it write where pages write.
    public static let rights: [SQL] = [
        """
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'crm_pages') THEN CREATE ROLE crm_pages LOGIN; END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
        """,
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO crm_pages",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO crm_pages",
    ]
}
