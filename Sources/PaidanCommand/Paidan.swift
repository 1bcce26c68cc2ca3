import ArgumentParser

/// The program: finds the command, runs it, and turns what it throws into a message and an exit code.
@main
struct Paidan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "paidan",
        abstract: "Hands customers to salespeople: job worker, scheduler and HTTP endpoint.",
        discussion: "Configuration: --config FILE, else ./jobs.conf, else /etc/paidan/jobs.conf.",
        version: Release.version,
        subcommands: [
            ServeCommand.self, MigrateCommand.self, DoctorCommand.self, ImportCommand.self, EnqueueCommand.self,
            JobsCommand.self, QueuesCommand.self, ScheduleCommand.self, RanksCommand.self, FairnessCommand.self,
            SweepCommand.self, CalendarCommand.self, ExplainCommand.self, UserCommand.self, TokenCommand.self,
            SuspectsCommand.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            Output.message(failure.message)
            exit(withError: failure.code)
        } catch let error as ConfError {
            Output.message(error.description)
            exit(withError: ExitCode(78))
        } catch {
            guard let failure = CommandFailure(judging: error) else { exit(withError: error) }
            Output.message(failure.message)
            exit(withError: failure.code)
        }
    }
}

enum Release {
    static let version = "0.1.0"
}
