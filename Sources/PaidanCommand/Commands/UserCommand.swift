import ArgumentParser
import CRM

struct UserCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Make, list and disable users.",
        discussion: "Example: paidan user create admin --role 管理员",
        subcommands: [Create.self, List.self, Disable.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a user, and for a seller also the CRM's user row.",
            discussion: "Example: paidan user create zhaomin --seller\n         paidan user create admin --role 管理员")

        @Argument(help: "Name to log in with.") var name: String
        @Option(help: "A role; may be given several times. A seller without one gets 销售.") var role: [String] = []
        @Flag(help: "Also a salesperson of department 1001.") var seller = false
        @OptionGroup var config: ConfigOption
        @OptionGroup var json: JSONFlag

        func run() async throws {
            let user = try await Stores.withPostgres(config.load()) { pool in
                try await UserStore(pool: pool).create(name: name, roles: role, seller: seller)
            }
            if json.isOn { return try Output.json(UserLine(user)) }
            Output.data(
                "user \(user.name): id \(user.id)"
                    + (user.sellerID.map { ", seller \($0)" } ?? "")
                    + (user.roles.isEmpty
                        ? ", no role: nothing is permitted" : ", \(user.roles.joined(separator: ", "))")
            )
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show all users.", discussion: "Example: paidan user list --json")

        @OptionGroup var config: ConfigOption
        @OptionGroup var json: JSONFlag

        func run() async throws {
            let users = try await Stores.withPostgres(config.load()) { try await UserStore(pool: $0).list() }
            if json.isOn { return try Output.json(Items(items: users.map { UserLine($0) })) }
            Output.table(
                ["ID", "NAME", "SELLER", "ACTIVE", "ROLES"],
                users.map { user in
                    [
                        "\(user.id)", user.name, user.sellerID.map { "\($0)" } ?? "-", user.isActive ? "yes" : "no",
                        user.roles.joined(separator: ", "),
                    ]
                })
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a user's access at once; a seller's customers go to others.",
            discussion: "Example: paidan user disable zhaomin")

        @Argument(help: "The user's name.") var name: String
        @OptionGroup var config: ConfigOption

        func run() async throws {
            try await Stores.withPostgres(config.load()) { try await UserStore(pool: $0).disable(name: name) }
            Output.message("user \(name) is disabled")
        }
    }

    private struct UserLine: Encodable {
        let id: String
        let name: String
        let roles: [String]
        let sellerId: String?
        let active: Bool

        init(_ user: UserStore.User) {
            id = "\(user.id)"
            name = user.name
            roles = user.roles
            sellerId = user.sellerID.map { "\($0)" }
            active = user.isActive
        }
    }
}
