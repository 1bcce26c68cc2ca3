import CRM
import JobsPostgres
import Logging
import Postgres

/// What is looked at before the service starts. A store that is away is no reason not to start: it comes back.
struct Preflight {
    let composition: Composition
    let logger: Logger

    /// - Throws: `CommandFailure` if the database is there and not up to date.
    func run() async throws {
        do {
            let states = try await Migrator(pool: composition.pool, migrations: Stores.migrations).status()
            if let pending = states.first(where: { $0.state == .pending || $0.state == .changed }) {
                throw CommandFailure.failed(
                    "The database is not up to date: \(pending.name) is \(pending.state). Run `paidan migrate`.")
            }
            try await composition.conf.businessSettings.store(in: composition.pool)
        } catch let error as PostgresError {
            logger.warning("PostgreSQL does not answer; going on without it", metadata: ["error": "\(error)"])
        }
        for finding in await RedisExamination(composition: composition).findings() where finding.level != .ok {
            logger.warning("redis", metadata: ["what": "\(finding.what)", "finding": "\(finding.message)"])
        }
    }
}

extension JobsConf {
    var businessSettings: BusinessSettings {
        BusinessSettings(
            timezone: timezone, followUpDays: business.followUpDays, dealDays: business.dealDays,
            formerOwner: business.formerOwner.rawValue, cooldownDays: business.cooldownDays,
            clock: business.clock.rawValue)
    }
}
