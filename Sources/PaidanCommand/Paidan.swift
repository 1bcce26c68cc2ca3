import ArgumentParser
import OwnerThread

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
            ProcessEnd.now(0)
        } catch let failure as CommandFailure {
            Output.message(failure.message)
            ProcessEnd.now(failure.code.rawValue)
        } catch let code as ExitCode {
            ProcessEnd.now(code.rawValue)
        } catch let error as ConfError {
            Output.message(error.description)
            ProcessEnd.now(78)
        } catch {
            // What is no failure of ours is the parser's: help, a version, a wrong option.
            guard let failure = CommandFailure(judging: error) else { exit(withError: error) }
            Output.message(failure.message)
            ProcessEnd.now(failure.code.rawValue)
        }
    }
}

enum Release {
    static let version = "0.1.0"
}
