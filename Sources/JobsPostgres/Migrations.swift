/// The engine's own migrations. The embedded resources are internal to each module, so each exports its list.
public enum EngineMigrations {
    public static let all: [Migration] = [
        Migration(number: 1, name: "m001_settings", bytes: PackageResources.m001_settings_sql),
        Migration(number: 2, name: "m002_jobs", bytes: PackageResources.m002_jobs_sql),
        Migration(number: 17, name: "m017_schedules", bytes: PackageResources.m017_schedules_sql),
    ]
}

extension Migration {
    public init(number: Int, name: String, bytes: [UInt8]) {
        self.init(number: number, name: name, sql: String(decoding: bytes, as: UTF8.self))
    }
}
