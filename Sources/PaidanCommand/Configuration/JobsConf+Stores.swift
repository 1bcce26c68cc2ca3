import Jobs
import Logging
import Observability
import Postgres
import Redis

extension JobsConf {
    static func readRedis(
        _ root: inout ConfTable, _ notes: ConfNotes
    ) -> (configuration: RedisConfiguration, waitReplicas: Int) {
        var table = root.subtable("redis")
        let configuration = table.overridable(
            "url", default: "redis://127.0.0.1:6379/0", variable: "PAIDAN_REDIS_URL"
        ) { try RedisConfiguration(url: $0) }
        let waitReplicas = table.integer("wait_replicas", default: 0, in: 0...10)
        table.finish()
        if let password = configuration?.password { notes.secret(Secret(password)) }
        return (configuration ?? RedisConfiguration(address: .tcp(host: "127.0.0.1", port: 6379)), waitReplicas)
    }

    /// Without its time zone, which `readServer` finds.
    static func readPostgres(_ root: inout ConfTable, _ notes: ConfNotes) -> PostgresConfiguration {
        var table = root.subtable("postgres")
        let read = table.overridable(
            "url", default: "postgresql://127.0.0.1:5432/paidan", variable: "PAIDAN_POSTGRES_URL"
        ) { conninfo in
            let configuration = PostgresConfiguration(conninfo: conninfo)
            if let password = try configuration.password() { notes.secret(Secret(password)) }
            return configuration
        }
        var configuration = read ?? PostgresConfiguration(conninfo: "")
        configuration.sessions = table.integer("sessions", default: 4, in: 1...64)
        table.finish()
        return configuration
    }

    mutating func readServer(_ root: inout ConfTable) {
        timezone = root.string("timezone", default: timezone)
        if ScheduleZone(timezone) == nil { root.note("timezone", "\"\(timezone)\" is no known time zone") }
        postgres.timeZone = timezone

        var table = root.subtable("log")
        if let text = table.optional("level") {
            if let level = Log.levels[text] {
                log.level = level
            } else {
                table.note("level", "must be one of debug, info, warning, error, is \"\(text)\"")
            }
        }
        log.format = table.choice("format", default: log.format)
        table.finish()

        table = root.subtable("http")
        let listen = table.overridable(
            "listen", default: "\(http.host):\(http.port)", variable: "PAIDAN_HTTP_LISTEN"
        ) { text in
            guard let address = HTTP.address(text) else { throw HTTP.AddressError() }
            return address
        }
        if let listen { (http.host, http.port) = listen }
        http.maxBody = table.size("max_body", default: http.maxBody, in: 1024...(16 << 30))
        http.publicURL = table.string("public_url", default: http.publicURL)
        table.finish()

        table = root.subtable("retention")
        let days = Duration.seconds(86_400)
        retention.done = table.duration("done", default: retention.done, in: .seconds(60)...days * 365)
        retention.dead = table.duration("dead", default: retention.dead, in: .seconds(60)...days * 365)
        retention.receipts = table.duration("receipts", default: retention.receipts, in: .seconds(60)...days * 3650)
        retention.sheets = table.duration("sheets", default: retention.sheets, in: days...days * 3650)
        if retention.receipts <= retention.dead {
            table.note("receipts", "must be longer than retention.dead (\(retention.dead.short))")
        }
        table.finish()
    }
}

extension JobsConf.Log {
    static let levels: [String: Logger.Level] = [
        "debug": .debug, "info": .info, "warning": .warning, "error": .error,
    ]
}

extension JobsConf.HTTP {
    struct AddressError: Error, CustomStringConvertible {
        let description = "must be HOST:PORT such as 127.0.0.1:8080 or [::1]:8080"
    }

    /// Where a client on this machine finds it.
    var address: String { "http://\(host.contains(":") ? "[\(host)]" : host):\(port)" }

    /// `host:port` or `[v6]:port`.
    static func address(_ text: String) -> (host: String, port: Int)? {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...].digits) else {
            return nil
        }
        var host = String(text[..<colon])
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        return (host, Int(port))
    }
}

extension Substring {
    /// Itself if it is nothing but ASCII digits, else empty.
    fileprivate var digits: Substring { utf8.allSatisfy { (48...57).contains($0) } ? self : "" }
}
