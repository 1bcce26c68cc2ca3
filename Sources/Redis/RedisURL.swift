/// A Redis URL that cannot be used; the message names the wrong part and never repeats the URL (passwords).
public struct RedisURLError: Error, Sendable, Equatable, CustomStringConvertible {
    public let message: String
    public var description: String { message }
}

extension RedisConfiguration {
    /// - Parameter url: `redis://[[user]:password@]host[:port][/database]` or `unix:/path[?db=N]`. User and password
    ///   are percent-decoded; the port is 6379 if left out; an IPv6 address stands in brackets.
    /// - Throws: ``RedisURLError`` naming the wrong part.
    public init(url: String) throws(RedisURLError) {
        if let rest = url.dropping("unix:") {
            try self.init(unix: rest)
        } else if let rest = url.dropping("redis://") {
            try self.init(tcp: rest)
        } else if url.hasPrefix("rediss:") {
            throw RedisURLError(
                message: "Redis URL: TLS (rediss://) is not supported, only redis://")
        } else {
            throw RedisURLError(message: "Redis URL must start with redis:// or unix:/")
        }
    }

    private init(unix rest: Substring) throws(RedisURLError) {
        let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        // unix:///path is the same as unix:/path.
        let path = parts[0].hasPrefix("///") ? String(parts[0].dropFirst(2)) : String(parts[0])
        guard path.hasPrefix("/"), !path.hasPrefix("//"), path != "/" else {
            throw RedisURLError(message: "Redis URL: unix: needs an absolute path, as in unix:/run/redis/redis.sock")
        }
        guard path.utf8.count <= 107 else {
            throw RedisURLError(
                message: "Redis URL: the socket path is \(path.utf8.count) bytes long, 107 are possible")
        }
        guard !path.utf8.contains(0) else {
            throw RedisURLError(message: "Redis URL: the socket path must not contain a zero byte")
        }
        self.init(address: .unix(path: path))
        if parts.count == 2 {
            guard let number = parts[1].dropping("db=") else {
                throw RedisURLError(message: "Redis URL: after ? only db=N is known")
            }
            database = try Self.database(number)
        }
    }

    private init(tcp rest: Substring) throws(RedisURLError) {
        var rest = rest
        var credentials: Substring?
        // The last @ before the path: a careless password may hold one undecoded.
        if let at = rest.prefix(while: { $0 != "/" }).lastIndex(of: "@") {
            credentials = rest[..<at]
            rest = rest[rest.index(after: at)...]
        }
        let parts = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let (host, port) = try Self.hostAndPort(parts[0])
        self.init(address: .tcp(host: host, port: port))
        if parts.count == 2, !parts[1].isEmpty { database = try Self.database(parts[1]) }
        if let credentials { try setCredentials(credentials) }
    }

    private mutating func setCredentials(_ text: Substring) throws(RedisURLError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw RedisURLError(message: "Redis URL: before @ must stand :password or user:password")
        }
        let user = try Self.percentDecoded(parts[0], what: "user")
        let password = try Self.percentDecoded(parts[1], what: "password")
        if !user.isEmpty { self.user = user }
        guard !password.isEmpty else { throw RedisURLError(message: "Redis URL: the password before @ is empty") }
        self.password = password
    }

    private static func hostAndPort(_ text: Substring) throws(RedisURLError) -> (String, Int) {
        var host = text
        var port: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else {
                throw RedisURLError(message: "Redis URL: the bracket of the IPv6 address is not closed")
            }
            host = text[text.index(after: text.startIndex)..<end]
            let after = text[text.index(after: end)...]
            guard after.isEmpty || after.hasPrefix(":") else {
                throw RedisURLError(message: "Redis URL: only :port may follow the IPv6 address")
            }
            if !after.isEmpty { port = after.dropFirst() }
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "?") }) else {
            throw RedisURLError(message: "Redis URL: the host is missing or not a host name")
        }
        guard let port else { return (String(host), 6379) }
        guard let number = Int(port), port.utf8.allSatisfy(isDigit), 1...65535 ~= number else {
            throw RedisURLError(message: "Redis URL: the port must be a number between 1 and 65535")
        }
        return (String(host), number)
    }

    private static func database(_ text: Substring) throws(RedisURLError) -> Int {
        guard let number = Int(text), text.utf8.allSatisfy(isDigit) else {
            throw RedisURLError(message: "Redis URL: the database must be a number, as in redis://127.0.0.1:6379/0")
        }
        return number
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    private static func percentDecoded(_ text: Substring, what: String) throws(RedisURLError) -> String {
        var bytes: [UInt8] = []
        var rest = Substring(text).utf8[...]
        while let byte = rest.popFirst() {
            if byte != UInt8(ascii: "%") {
                bytes.append(byte)
                continue
            }
            let digits = Substring(rest.prefix(2))
            guard digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit), let value = UInt8(digits, radix: 16) else {
                throw RedisURLError(message: "Redis URL: % in the \(what) must be followed by two hexadecimal digits")
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw RedisURLError(message: "Redis URL: the \(what) is not UTF-8")
        }
        return decoded
    }
}

extension String {
    fileprivate func dropping(_ prefix: String) -> Substring? { self[...].dropping(prefix) }
}

extension Substring {
    fileprivate func dropping(_ prefix: String) -> Substring? { hasPrefix(prefix) ? dropFirst(prefix.count) : nil }
}
