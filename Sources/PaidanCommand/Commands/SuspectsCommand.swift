import ArgumentParser
import Glibc
import Jobs
import Logging
import OwnerThread

/// What the service starts for jobs that were in flight in two crashes; nobody else needs it.
struct SuspectsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suspects", abstract: "Run the suspects of one queue, one at a time, until there are none.",
        shouldDisplay: false)

    @Option(help: "Whose suspects.") var queue: String
    @Option(help: "Number of the process of the service that started this one.") var parent: Int32
    @OptionGroup var config: ConfigOption

    func run() async throws {
        nameThisProcess("paidan-suspects")
        let conf = try config.load()
        guard conf.queues.contains(where: { $0.name == queue }) else {
            throw CommandFailure.refused("There is no queue \(queue).")
        }
        ignoreBrokenPipes()
        let composition = Composition(conf, seams: try Seams.inForce())
        defer { composition.close() }
        let logger = composition.logger("suspects")
        let workers = try ServiceParts.pool(composition, suspects: .only, label: "suspects") { configuration in
            configuration.concurrency = 1
            configuration.weights = [(queue, 1)]
        }
        // The service is gone: what is in hand goes back at once, so that this end counts as no crash of the job.
        ParentProcess.endWith(parent, patience: .seconds(2)) {
            logger.warning("the service that started this process is gone")
            workers.stop(within: .zero)
        }
        let (parent, drain) = (parent, conf.worker.drain)
        let watch = await SignalWatch([SIGTERM, SIGINT, SIGTSTP, SIGHUP]) { signal in
            switch signal {
            // Of the service, to whose group this process belongs: it starts the next one with what it has read.
            case SIGHUP: break
            case SIGTSTP: workers.set(quiet: true)
            default: workers.stop(within: ParentProcess.isGone(parent) ? .zero : drain)
            }
        }
        defer { watch.close() }
        try await workers.run()
    }
}
