import Foundation
import Logging
import Observability
import Postgres
import Redis

extension JobsConf {
    static func readRedis(_ root: inout ConfTable, _ sources: ConfSources, _ notes: ConfNotes) -> RedisConfiguration {
        var table = root.subtable("redis")
        let written = table.string("url", default: "redis://127.0.0.1:6379/0")
        table.finish()
        do {
            let override = sources.environment("PAIDAN_REDIS_URL")
            let configuration = try RedisConfiguration(url: override ?? written)
            if let password = configuration.password { notes.secret(Secret(password)) }
            return configuration
        } catch {
            table.note("url", "\(error)")
            return RedisConfiguration(address: .tcp(host: "127.0.0.1", port: 6379))
        }
    }

    static func readPostgres(
        _ root: inout ConfTable, _ sources: ConfSources, _ notes: ConfNotes
    ) -> PostgresConfiguration {
        var table = root.subtable("postgres")
        let written = table.string("url", default: "postgresql://127.0.0.1:5432/paidan")
        var configuration = PostgresConfiguration(conninfo: sources.environment("PAIDAN_POSTGRES_URL") ?? written)
        configuration.sessions = table.integer("sessions", default: 4, in: 1...64)
        configuration.timeZone = root.string("timezone", default: "Asia/Shanghai")
        table.finish()
        do {
            if let password = try configuration.password() { notes.secret(Secret(password)) }
        } catch {
            table.note("url", "\(error)")
        }
        return configuration
    }

    mutating func readServer(_ root: inout ConfTable, _ sources: ConfSources) {
        timezone = root.string("timezone", default: timezone)
        if TimeZone(identifier: timezone) == nil { root.note("timezone", "\"\(timezone)\" is no known time zone") }

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
        let listen = sources.environment("PAIDAN_HTTP_LISTEN") ?? table.string("listen", default: "127.0.0.1:8080")
        _ = table.optional("listen")
        if let (host, port) = HTTP.address(listen) {
            http.host = host
            http.port = port
        } else {
            table.note("listen", "must be HOST:PORT such as 127.0.0.1:8080 or [::1]:8080, is \"\(listen)\"")
        }
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
    /// `host:port` or `[v6]:port`.
    static func address(_ text: String) -> (host: String, port: Int)? {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { return nil }
        var host = String(text[..<colon])
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        return host.isEmpty ? nil : (host, port)
    }
}
