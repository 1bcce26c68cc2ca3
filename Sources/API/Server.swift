public import CRM
internal import HTTPTypes
internal import Hummingbird
public import Logging
public import ServiceLifecycle

/// Everything the HTTP endpoint needs, filled by wiring.
public struct APIDependencies: Sendable {
    public var jobs: JobsAPI
    public var schedules: SchedulesAPI
    public var imports: ImportsAPI
    public var customers: CustomersAPI
    public var ownership: OwnershipDesk
    public var desk: AssignmentDesk
    public var sweeps: SweepsAPI
    public var access: AccessControl
    public var health: HealthChecks
    public var failures: FailureJudge
    public var environment: APIEnvironment

    public init(
        jobs: JobsAPI, schedules: SchedulesAPI, imports: ImportsAPI, customers: CustomersAPI, ownership: OwnershipDesk,
        desk: AssignmentDesk, sweeps: SweepsAPI,
        access: AccessControl, health: HealthChecks, failures: FailureJudge, environment: APIEnvironment
    ) {
        self.jobs = jobs
        self.schedules = schedules
        self.imports = imports
        self.customers = customers
        self.ownership = ownership
        self.desk = desk
        self.sweeps = sweeps
        self.access = access
        self.health = health
        self.failures = failures
        self.environment = environment
    }
}

/// The HTTP endpoint: everything the world can ask.
public struct Server: Service {
    private let application: Application<Responder>

    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - onReady: called once with the port that was taken.
    public init(
        host: String, port: Int, dependencies: APIDependencies, logger: Logger,
        onReady: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        let responder = Responder(
            routes: RouteTable(Self.endpoints(dependencies)),
            authenticator: Authenticator(access: dependencies.access), failures: dependencies.failures, logger: logger)
        application = Application(
            responder: responder,
            server: .http1(configuration: .init(additionalChannelHandlers: [ParserErrorHandler()])),
            configuration: .init(address: .hostname(host, port: port), backlog: 1024),
            onServerRunning: { channel in await onReady(channel.localAddress?.port ?? port) }, logger: logger)
    }

    public func run() async throws { try await application.run() }

    private static func endpoints(_ dependencies: APIDependencies) -> [Endpoint] {
        var endpoints = HealthEndpoints.all(dependencies.health)
        endpoints += JobEndpoints.all(dependencies.jobs, dependencies.environment)
        endpoints += QueueEndpoints.all(dependencies.jobs, dependencies.environment)
        endpoints += ScheduleEndpoints.all(dependencies.schedules)
        endpoints += ImportEndpoints.all(dependencies.imports)
        endpoints += CustomerEndpoints.all(dependencies.customers)
        endpoints.append(PatchEndpoint.endpoint(dependencies.customers))
        endpoints.append(ExplainEndpoint.endpoint(dependencies.customers, dependencies.environment))
        endpoints += ListEndpoints.all(dependencies.customers.search, dependencies.ownership.poolSearch)
        endpoints += MoveEndpoints.all(dependencies.ownership)
        endpoints += DealEndpoints.all(dependencies.ownership)
        endpoints += RankEndpoints.all(dependencies.desk)
        endpoints.append(SweepEndpoint.endpoint(dependencies.sweeps))
        endpoints.append(
            OffboardEndpoint.endpoint(dependencies.desk, dependencies.jobs, dependencies.environment))
        endpoints.append(WorkerEndpoint.endpoint(dependencies.jobs, dependencies.environment))
        endpoints.append(MeEndpoint.endpoint)
        return endpoints + [OpenAPI.endpoint(describing: endpoints)]
    }
}
