import ArgumentParser

@main
struct Paidan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "paidan", abstract: "Hands customers to salespeople: job worker, scheduler and HTTP endpoint.")
}
