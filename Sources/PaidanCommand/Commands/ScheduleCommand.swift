import API
import ArgumentParser
import Jobs

struct ScheduleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule", abstract: "Look at schedules, run one now.",
        discussion: "Example: paidan schedule list", subcommands: [List.self, Run.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Last and next fire of each schedule.", discussion: "Example: paidan schedule list --json")

        @OptionGroup var config: ConfigOption
        @OptionGroup var json: JSONFlag

        func run() async throws {
            let composition = try Composition(config.load())
            defer { composition.close() }
            let schedules = composition.schedulesAPI
            let views = try await schedules.board.list()
            if json.isOn { return Output.data(String(decoding: schedules.json(views), as: UTF8.self)) }
            Output.table(
                ["SCHEDULE", "KIND", "CRON", "TIME ZONE", "LAST FIRE", "NEXT FIRE"],
                views.map { view in
                    let schedule = view.schedule
                    return [
                        schedule.name, schedule.kind, schedule.expression, schedule.zone.name,
                        schedules.time(view.lastFireAt) ?? "-", schedules.time(view.nextFireAt) ?? "never",
                    ]
                })
            for view in views {
                guard let problem = view.problem else { continue }
                Output.message("\(view.schedule.name) does not run: \(problem.message)")
            }
        }
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Enqueue the job of a schedule now.", discussion: "Example: paidan schedule run nightly")

        @Argument(help: "The schedule's name.") var name: String
        @OptionGroup var config: ConfigOption
        @OptionGroup var json: JSONFlag

        func run() async throws {
            let composition = try Composition(config.load())
            defer { composition.close() }
            let job: JobView
            do {
                job = try await composition.schedulesAPI.run(name)
            } catch let problem as Problem {
                let names = composition.conf.schedules.map(\.name).sorted().joined(separator: ", ")
                throw CommandFailure.refused(
                    problem.code == "not_found"
                        ? "There is no schedule \(name); jobs.conf names \(names.isEmpty ? "none" : names)."
                        : problem.detail)
            }
            Output.data(
                json.isOn ? String(decoding: composition.jobForm.json(job), as: UTF8.self) : JobLine.text(job))
        }
    }
}
