import API
import CRM
import Channels
import Curl
import Jobs
import JobsPostgres
import JobsRedis
import Logging
import Observability
import Postgres
import Redis
import Spreadsheet

/// Every part of the service, joined by one configuration. Connects when first used.
struct Composition: Sendable {
    let conf: JobsConf
    let redactor: Redactor
    let pool: PostgresPool
    /// Of ``pool``: with the times that this service keeps.
    let postgresSettings: PostgresConfiguration
    let redis: RedisClient
    let store: any JobStore
    /// The same queue for whoever asks over HTTP: a silent Redis is told of sooner than a worker gives up on it.
    let door: any JobStore
    private let queue: RedisJobStore
    private let doorQueue: RedisJobStore
    /// Without overrides.
    private let ownKinds: [Kind]
    let curl: CurlClient
    let list: any SellerList
    let desk: AssignmentDesk
    let imports: ImportStore
    let customers: CustomerStore
    let ownership: OwnershipDesk
    let forecasts: ForecastStore
    let access: AccessControl
    let hooks: AssignmentHooks
    let kinds: KindRegistry
    let schedules: ScheduleList
    let environment: APIEnvironment
    /// What a SIGHUP may change.
    let live: LiveSettings
    let clock = ServerClock()

    /// How long a store may be away before everything that needs it is told so at once.
    static let patience = Duration.seconds(2)
    /// How long a request waits for an answer of Redis.
    private static let doorDeadline = Duration.milliseconds(2500)

    init(_ conf: JobsConf, seams: Seams = Seams()) {
        self.conf = conf
        redactor = Redactor(conf.secrets)
        let live = LiveSettings(level: conf.log.level)
        self.live = live
        var postgres = conf.postgres
        // A request that needs the database is told soon that it is away; a restart of a moment is waited for.
        postgres.patience = Self.patience
        postgres.connectTimeout = .seconds(3)
        // Who has been silent for a lease has lost its jobs, and with them the right to its locks.
        postgres.silence = conf.worker.lease
        postgresSettings = postgres
        pool = PostgresPool(postgres)
        var settings = conf.redis
        settings.patience = Self.patience
        redis = RedisClient(settings, name: "paidan")
        let queues = conf.queues.map(\.name)
        queue = RedisJobStore(
            client: redis, configuration: settings, queues: queues, waitReplicas: conf.waitReplicas)
        store = seams.store(queue)
        doorQueue = RedisJobStore(
            client: redis, configuration: settings, queues: queues, waitReplicas: conf.waitReplicas,
            deadline: Self.doorDeadline)
        door = seams.store(doorQueue)
        curl = CurlClient()
        list = seams.list(RedisSellerList(redis))
        desk = AssignmentDesk(pool: pool, list: list)
        let publisher = seams.publisher(DeliveryPublisher(routes: { live.routes }))
        imports = ImportStore(pool: pool, settings: conf.importSettings, events: publisher)
        customers = CustomerStore(pool: pool, settings: conf.importSettings)
        ownership = OwnershipDesk(pool: pool, settings: conf.poolSettings, publisher: publisher)
        forecasts = ForecastStore(pool: pool)
        access = AccessControl(pool: pool)
        let imports = imports
        hooks = AssignmentEvents(publisher: publisher).hooks { importID, chunk, owners, tx in
            try imports.chunkAssigned(importID, chunk: chunk, assigned: owners.count, in: &tx)
        }
        let ids = JobIDs()
        environment = APIEnvironment(
            offset: WallClock.offset(in: conf.timezone),
            makeID: { [clock] in ids.make(at: clock.milliseconds()) })
        ownKinds = Kinds.all(
            conf: conf, pool: pool, store: store, list: list, desk: desk, imports: imports, hooks: hooks,
            publisher: publisher, channels: { live.channels.mapValues(seams.channel) },
            logger: Self.logger(conf, redactor, live, "jobs"),
            extra: seams.kinds(pool))
        kinds = KindRegistry(conf.overriding(ownKinds))
        schedules = ScheduleList(conf.runnableSchedules(kinds))
        live.take(conf, curl, clock)
    }

    /// Takes over what can be changed in a running process: queues, kinds, schedules, channels, notifications, log level.
    func take(_ conf: JobsConf, _ workers: WorkerPool?) {
        for queue in [queue, doorQueue] { queue.set(queues: conf.queues.map(\.name)) }
        kinds.replace(conf.overriding(ownKinds))
        schedules.replace(conf.runnableSchedules(kinds))
        conf.warnOfSchedules(kinds, logger("scheduler"))
        redactor.learn(conf.secrets)
        live.take(conf, curl, clock)
        // After the store: a session is extended to queues that it knows.
        workers?.set(weights: conf.queues.map { ($0.name, $0.weight) })
    }

    var jobForm: JobForm { JobForm(jobs: jobsAPI, environment: environment) }

    var sweepsAPI: SweepsAPI { SweepsAPI(forecasts: forecasts, form: jobForm) }

    var jobsAPI: JobsAPI {
        JobsAPI(door: door, kinds: kinds, queueNames: { [live] in live.queues }, refuseEffect: refuseEffect)
    }

    /// Commits the receipt `cancelled`; whichever receipt commits first is true.
    var refuseEffect: @Sendable (_ job: String, _ kind: String) async throws -> Bool {
        { [pool] job, kind in
            try await pool.transaction { try Receipts.take(job, kind: kind, outcome: .cancelled, in: &$0) }
        }
    }

    func logger(_ label: String) -> Logger { Self.logger(conf, redactor, live, label) }

    /// A seller by id or by user name.
    func sellerID(_ text: String) async throws -> Int {
        let id = Int(text) ?? 0
        let rows = try await pool.query(
            "SELECT id FROM crm_userinfo WHERE id = \(id) OR username = \(text) ORDER BY id LIMIT 2")
        guard let row = rows.first else { throw CommandFailure.refused("There is no seller \(text).") }
        return try row.int(0)
    }

    func close() {
        curl.close()
        queue.close()
        doorQueue.close()
        redis.close()
        pool.close()
    }

    private static func logger(
        _ conf: JobsConf, _ redactor: Redactor, _ live: LiveSettings, _ label: String
    ) -> Logger {
        Logger(label: label) { label in
            LiveLogHandler(
                handler: LineLogHandler(
                    label: label, format: conf.log.format, redact: { redactor.redact($0) }), live: live)
        }
    }
}

extension JobsConf {
    var importSettings: ImportSettings {
        var settings = ImportSettings()
        settings.gender = ImportSettings.Gender(rawValue: business.gender.rawValue) ?? .optional
        settings.contact = ImportSettings.Contact(rawValue: business.contact.rawValue) ?? .strict
        settings.keepFiles = retention.sheets
        settings.limits.fileBytes = max(settings.limits.fileBytes, http.maxBody)
        return settings
    }

    var poolSettings: PoolSettings {
        PoolSettings(picksPerDay: business.picksPerDay, coolOffDays: business.coolOffDays)
    }

    /// Enabled channels only: an event must not wait for one that was switched off.
    var routes: NotificationRoutes {
        let enabled = Dictionary(
            uniqueKeysWithValues: channels.filter(\.options.enabled).map { ($0.name, $0.speaksToGroup) })
        return NotificationRoutes(
            notifications.mapValues { names in
                names.compactMap { name in
                    enabled[name].map { NotificationRoutes.Route(channel: name, speaksToGroup: $0) }
                }
            })
    }

    /// The enabled channels, ready to send.
    func connectedChannels(_ curl: CurlClient, _ clock: ServerClock) -> [String: any Channel] {
        var connected: [String: any Channel] = [:]
        for entry in channels where entry.options.enabled {
            connected[entry.name] = entry.connected(curl, timezone, clock)
        }
        return connected
    }
}

extension JobsConf.ChannelEntry {
    /// - Returns: nil only for settings that were not checked before.
    func connected(_ curl: CurlClient, _ timezone: String, _ clock: ServerClock) -> (any Channel)? {
        let now: @Sendable () -> Int64 = { Int64(clock.milliseconds()) }
        switch settings {
        case .email(let settings):
            let offset = WallClock.offset(in: timezone)(now()) / 60
            return try? Email(name: name, settings: settings, client: curl, utcOffset: offset)
        case .wecomRobot(let settings): return try? WeComRobot(name: name, settings: settings, client: curl, now: now)
        case .dingtalkRobot(let settings):
            return try? DingTalkRobot(name: name, settings: settings, client: curl, now: now)
        }
    }
}
