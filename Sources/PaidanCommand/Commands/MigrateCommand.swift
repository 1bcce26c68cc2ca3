import ArgumentParser
import CRM
import JobsPostgres
import OwnerThread

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the database up to date.",
        discussion: """
            Works on an empty database and on one that holds the Django CRM's tables and rows; prints each repair of old \
            rows. Running it again changes nothing.

            Example: paidan migrate --status
            """)

    @Flag(help: "Only show what is applied.") var status = false
    @OptionGroup var config: ConfigOption
    @OptionGroup var json: JSONFlag

    func run() async throws {
        try await Stores.withPostgres(config.load()) { pool in
            let migrator = Migrator(pool: pool, migrations: Stores.migrations)
            guard status else {
                guard json.isOn else { return try await migrator.migrate { Output.data($0) } }
                let done = Lock<[String]>([])
                try await migrator.migrate { line in done.withLock { $0.append(line) } }
                return try Output.json(Items(items: done.withLock { $0 }))
            }
            let lines = try await migrator.status().map { Line(number: $0.number, name: $0.name, state: "\($0.state)") }
            if json.isOn { return try Output.json(Items(items: lines)) }
            Output.table(["NUMBER", "NAME", "STATE"], lines.map { ["\($0.number)", $0.name, $0.state] })
        }
    }

    private struct Line: Encodable {
        let number: Int
        let name: String
        let state: String
    }
}
