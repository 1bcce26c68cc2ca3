import ArgumentParser
import CRM

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Make, list and revoke API tokens.",
        discussion: "Example: paidan token create --user admin --expires 90d",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token. It is shown once; only its hash is kept.",
            discussion: "Example: paidan token create --user admin --expires 90d")

        @Option(help: "Whose token it is.") var user: String
        @Option(help: "Lifetime such as 12h or 90d; without it the token does not end.") var expires: String?
        @OptionGroup var config: ConfigOption
        @OptionGroup var json: JSONFlag

        func validate() throws {
            guard let expires else { return }
            let longest = Duration.seconds(86_400 * 36_500)
            guard let lifetime = Quantity.duration(expires), (.seconds(1)...longest).contains(lifetime) else {
                throw ValidationError("--expires takes a duration such as 12h or 90d, 36500d at most")
            }
        }

        func run() async throws {
            let (token, view) = try await Stores.withPostgres(config.load()) { pool in
                var random = SystemRandomNumberGenerator()
                return try await UserStore(pool: pool).createToken(
                    user: user, lifetime: expires.flatMap { Quantity.duration($0) }, random: &random)
            }
            if json.isOn {
                return try Output.json(
                    Made(id: "\(view.id)", token: token, user: view.user, expiresAt: view.expiresAt))
            }
            Output.message("token \(view.id) of \(view.user), \(view.expiresAt.map { "until \($0)" } ?? "without end")")
            Output.data(token)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show all tokens, without what they are.", discussion: "Example: paidan token list")

        @OptionGroup var config: ConfigOption
        @OptionGroup var json: JSONFlag

        func run() async throws {
            let tokens = try await Stores.withPostgres(config.load()) { try await UserStore(pool: $0).listTokens() }
            if json.isOn { return try Output.json(Items(items: tokens.map { TokenLine($0) })) }
            Output.table(
                ["ID", "USER", "CREATED", "EXPIRES", "LAST USED", "REVOKED"],
                tokens.map { token in
                    [
                        "\(token.id)", token.user, token.createdAt, token.expiresAt ?? "-", token.lastUsedAt ?? "-",
                        token.isRevoked ? "yes" : "no",
                    ]
                })
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a token at once.", discussion: "Example: paidan token revoke 7")

        @Argument(help: "The token's id, as `paidan token list` shows it.") var id: Int64
        @OptionGroup var config: ConfigOption

        func run() async throws {
            try await Stores.withPostgres(config.load()) { try await UserStore(pool: $0).revokeToken(id) }
            Output.message("token \(id) is revoked")
        }
    }

    private struct Made: Encodable {
        let id: String
        let token: String
        let user: String
        let expiresAt: String?
    }

    private struct TokenLine: Encodable {
        let id: String
        let user: String
        let createdAt: String
        let expiresAt: String?
        let lastUsedAt: String?
        let revoked: Bool

        init(_ view: UserStore.TokenView) {
            id = "\(view.id)"
            user = view.user
            createdAt = view.createdAt
            expiresAt = view.expiresAt
            lastUsedAt = view.lastUsedAt
            revoked = view.isRevoked
        }
    }
}
