import API
import ArgumentParser
import CRM

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Why a customer is where it is, from stored facts.",
        discussion: "Example: paidan explain 123456789")

    @Argument(help: "The customer: an id, or a QQ number.") var customer: String
    @Flag(name: .customLong("qq"), help: "It is a QQ number, even if a customer has it as an id.") var isQQ = false
    @OptionGroup var config: ConfigOption
    @OptionGroup var json: JSONFlag

    func run() async throws {
        let composition = try Composition(config.load())
        defer { composition.close() }
        let store = ExplainStore(pool: composition.pool)
        var found = try await store.customers(named: customer)
        if isQQ, found.count > 1 { found.removeFirst() }
        if found.count > 1 {
            Output.message("\(customer) is also the QQ number of customer \(found[1]); --qq shows that one.")
        }
        guard let id = found.first, let story = try await store.story(id) else { throw try await missing(store) }
        let form = StoryForm(environment: composition.environment)
        if json.isOn { return Output.data(String(decoding: form.json(story), as: UTF8.self)) }
        Output.message("customer \(story.customer): \(story.state)")
        Output.table(
            ["AT", "SELLER", "SOURCE", "WHAT"],
            story.facts.map { fact in
                [form.time(fact), fact.user.map { "\($0)" } ?? "-", fact.source, fact.what]
            })
    }

    private func missing(_ store: ExplainStore) async throws -> CommandFailure {
        if let id = Int(customer), let undone = try await store.undone(id) {
            return .refused("There is no customer \(id) any more: the undo of import \(undone) removed it.")
        }
        return .refused("There is no customer \(customer), neither by id nor by QQ number.")
    }
}
