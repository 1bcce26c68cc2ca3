import ArgumentParser
import Jobs
import JobsRedis

struct QueuesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queues", abstract: "Look at queues, pause and resume them.",
        discussion: "Example: paidan queues list",
        subcommands: [List.self, Pause.self, Resume.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Depth, oldest age, running jobs and rate of each queue.",
            discussion: "Example: paidan queues list --json")

        @OptionGroup var config: ConfigOption
        @OptionGroup var json: JSONFlag

        func run() async throws {
            let composition = try Composition(config.load())
            defer { composition.close() }
            let queues = try await composition.store.queues()
            if json.isOn { return try Output.json(Items(items: queues.map { QueueLine($0) })) }
            Output.table(
                ["QUEUE", "PAUSED", "DEPTH", "OLDEST", "RUNNING", "RATE/S", "DELAYED", "DEAD"],
                queues.map { queue in
                    [
                        queue.name, queue.isPaused ? "yes" : "no", "\(queue.depth)", queue.oldestAge.short,
                        "\(queue.running)", "\((queue.rate * 10).rounded() / 10)", "\(queue.delayed)", "\(queue.dead)",
                    ]
                })
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop claiming from a queue, in all processes.", discussion: "Example: paidan queues pause bulk")

        @Argument(help: "The queue's name.") var queue: String
        @OptionGroup var config: ConfigOption

        func run() async throws {
            try await QueuesCommand.change(queue, config, "paused") { try await $0.pause($1) }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Claim from a queue again.", discussion: "Example: paidan queues resume bulk")

        @Argument(help: "The queue's name.") var queue: String
        @OptionGroup var config: ConfigOption

        func run() async throws {
            try await QueuesCommand.change(queue, config, "resumed") { try await $0.resume($1) }
        }
    }

    private static func change(
        _ queue: String, _ config: ConfigOption, _ done: String, _ change: (any JobDoor, String) async throws -> Void
    ) async throws {
        let conf = try config.load()
        guard conf.queues.contains(where: { $0.name == queue }) else {
            let known = conf.queues.map(\.name).joined(separator: ", ")
            throw CommandFailure.refused("There is no queue \(queue); jobs.conf names \(known).")
        }
        let composition = Composition(conf)
        defer { composition.close() }
        try await change(composition.store, queue)
        Output.message("queue \(queue) is \(done)")
    }

    private struct QueueLine: Encodable {
        let name: String
        let paused: Bool
        let depth: Int
        let oldestAgeS: Double
        let running: Int
        let rate: Double

        init(_ queue: QueueView) {
            name = queue.name
            paused = queue.isPaused
            depth = queue.depth
            oldestAgeS = queue.oldestAge / .seconds(1)
            running = queue.running
            rate = queue.rate
        }
    }
}
