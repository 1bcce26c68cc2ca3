import API
import ArgumentParser
import CRM
import Jobs
import JobsPostgres
import Logging
import Metrics
import NIOPosix
import Observability
import OwnerThread
import Postgres
import ServiceLifecycle

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the service until SIGTERM.",
        discussion: """
            Roles: api answers HTTP, worker runs jobs, scheduler fires schedules and finds lost work. Several processes may \
            have the same role.

            Signals: SIGTERM, SIGINT finish what is in hand and end; a second one ends at once. SIGTSTP stops claims, what is \
            in hand goes on; SIGCONT lets them go on. SIGHUP reads the configuration again.

            Example: paidan serve --roles worker,scheduler
            """)

    @Option(help: "Which of api, worker, scheduler to run, with commas between.") var roles = "api,worker,scheduler"
    @OptionGroup var config: ConfigOption

    private enum Role: String, CaseIterable { case api, worker, scheduler }

    private func chosenRoles() throws -> Set<Role> {
        let names = roles.split(separator: ",").map { $0.filter { $0 != " " } }
        let chosen = names.compactMap { Role(rawValue: String($0)) }
        guard !names.isEmpty, chosen.count == names.count else {
            throw ValidationError("--roles takes one or more of api, worker, scheduler, with commas between")
        }
        return Set(chosen)
    }

    func validate() throws { _ = try chosenRoles() }

    func run() async throws {
        let text = try config.read()
        let conf = try JobsConf(text)
        let roles = try chosenRoles()
        let registry = PrometheusRegistry()
        MetricsSystem.bootstrap(registry)
        // Each connection is a descriptor, and a thousand may be open.
        OpenFiles.raiseLimit()
        ignoreBrokenPipes()
        let composition = Composition(conf, seams: try Seams.inForce())
        composition.live.text = text
        defer { composition.close() }
        let logger = composition.logger("paidan")
        try await Preflight(composition: composition, logger: logger).run()

        let live = composition.live
        let host = SuspectProcesses(configuration: { live.text }, drain: conf.worker.drain)
        let workers =
            roles.contains(.worker) ? try ServiceParts.pool(composition, suspects: .elsewhere(host)) : nil
        let (reloads, reload) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

        var services: [any Service] = [
            AccessWatch(access: composition.access, conninfo: conf.postgres.conninfo),
            ClockWatch(clock: composition.clock, pool: composition.pool),
        ]
        if roles.contains(.scheduler) { services += ServiceParts.scheduler(composition) }
        let names = roles.map(\.rawValue).sorted().joined(separator: ",")
        let loops = LoopWatch(loops: MultiThreadedEventLoopGroup.singleton, workers: workers)
        let supervisor = Supervisor(
            logger: logger, metadata: ["version": "\(Release.version)", "roles": "\(names)"],
            isReadyAtOnce: !roles.contains(.api),
            status: { workers.map { "\($0.isQuiet ? "quiet, " : "")\($0.running) jobs in hand" } ?? "no jobs here" },
            isAlive: { loops.isAlive(within: $0) })
        services += [
            loops, supervisor,
            Reload(
                requests: reloads, read: config.read, composition: composition, workers: workers,
                supervisor: supervisor, logger: logger),
        ]
        if roles.contains(.api) {
            services.append(
                ServiceParts.api(composition, registry, logger, loops: loops) { _ in supervisor.tell(.ready) })
        }
        // Services are stopped from the last to the first, each waited for: no more claims before all else, while the
        // API still answers.
        if let workers { services += try ServiceParts.worker(composition, workers) }
        var lifecycle = ServiceGroupConfiguration(
            services: services.map { .init(service: $0) }, logger: composition.logger("lifecycle"))
        // A peer that has stopped in mid-request does not hold up the stop for ever.
        lifecycle.maximumGracefulShutdownDuration = conf.worker.drain + .seconds(8)
        let group = ServiceGroup(configuration: lifecycle)
        let signals = ServeSignals(
            logger: logger, workers: workers, reload: { reload.yield() }, stopping: { supervisor.tell(.stopping) })
        try await signals.heard(stopping: group)
        logger.info("stopped")
    }
}
