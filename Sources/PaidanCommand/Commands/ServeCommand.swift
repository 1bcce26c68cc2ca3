import API
import ArgumentParser
import CRM
import Jobs
import JobsPostgres
import Logging
import Metrics
import Observability
import OwnerThread
import Postgres
import ServiceLifecycle
import UnixSignals

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the service until SIGTERM.",
        discussion: """
            Roles: api answers HTTP, worker runs jobs, scheduler fires schedules and finds lost work. Several processes may \
            have the same role.

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
        let conf = try config.load()
        let roles = try chosenRoles()
        let registry = PrometheusRegistry()
        MetricsSystem.bootstrap(registry)
        // Each connection is a descriptor, and a thousand may be open.
        OpenFiles.raiseLimit()
        let composition = Composition(conf, seams: try Seams.inForce())
        defer { composition.close() }
        let logger = composition.logger("paidan")
        try await Preflight(composition: composition, logger: logger).run()

        var services: [any Service] = [
            AccessWatch(access: composition.access, conninfo: conf.postgres.conninfo),
            ClockWatch(clock: composition.clock, pool: composition.pool),
        ]
        if roles.contains(.worker) { services += try ServiceParts.worker(composition) }
        if roles.contains(.scheduler) { services += ServiceParts.scheduler(composition) }
        let names = roles.map(\.rawValue).sorted().joined(separator: ",")
        let supervisor = Supervisor(
            logger: logger, metadata: ["version": "\(Release.version)", "roles": "\(names)"],
            isReadyAtOnce: !roles.contains(.api))
        services += [supervisor, Reload(load: config.load, composition: composition, logger: logger)]
        if roles.contains(.api) {
            services.append(ServiceParts.api(composition, registry, logger) { _ in await supervisor.tell("READY=1") })
        }
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint],
                logger: composition.logger("lifecycle")))
        try await group.run()
        logger.info("stopped")
    }
}
