public import Postgres

/// What jobs.conf says about expiry and former owners, put where triggers and queries can read it.
public struct BusinessSettings: Sendable, Equatable {
    /// IANA name of the zone whose days are business days.
    public var timezone: String
    /// At least 1.
    public var followUpDays: Int
    /// At least 1.
    public var dealDays: Int
    /// `any_former` or `last_owner`.
    public var formerOwner: String
    /// 0 is off.
    public var cooldownDays: Int
    /// `natural` or `workday`: which days count until a customer expires.
    public var clock: String

    public init(
        timezone: String, followUpDays: Int, dealDays: Int, formerOwner: String, cooldownDays: Int, clock: String
    ) {
        self.timezone = timezone
        self.followUpDays = followUpDays
        self.dealDays = dealDays
        self.formerOwner = formerOwner
        self.cooldownDays = cooldownDays
        self.clock = clock
    }

    /// Writes what differs to `paidan.setting`.
    public func store(in pool: PostgresPool) async throws {
        let values = [
            ("timezone", timezone), ("follow_up_days", "\(followUpDays)"), ("deal_days", "\(dealDays)"),
            ("former_owner", formerOwner), ("cooldown_days", "\(cooldownDays)"), ("clock", clock),
        ]
        _ = try await pool.transaction { tx in
            Author.set("service", in: &tx)
            _ = try tx.query(
                """
                WITH given AS (
                    SELECT * FROM unnest(\(values.map(\.0))::text[], \(values.map(\.1))::text[]) given (name, value)
                ), audited AS (
                    INSERT INTO paidan.audit_log (action, entity, before, after)
                    SELECT 'setting.change', 'paidan.setting', jsonb_object_agg(name, s.value),
                        jsonb_object_agg(name, given.value)
                    FROM given LEFT JOIN paidan.setting s USING (name) WHERE s.value IS DISTINCT FROM given.value
                    HAVING count(*) > 0
                )
                INSERT INTO paidan.setting (name, value) SELECT name, value FROM given
                ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE setting.value <> excluded.value
                """)
        }
    }
}
