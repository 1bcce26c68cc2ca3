internal import CPQ
internal import Glibc

/// What a connection string says, as far as it matters here.
@safe struct ConnectionString {
    private let text: String
    private var values: [String: String] = [:]

    /// - Throws: ``PostgresError`` with code `connection`; libpq's own message would quote the string.
    init(_ text: String) throws(PostgresError) {
        self.text = text
        guard let options = unsafe PQconninfoParse(text, nil) else {
            throw PostgresError(
                code: .connection, message: "the connection string is malformed: write key=value pairs or a URL")
        }
        defer { unsafe PQconninfoFree(options) }
        var option = unsafe options
        while let keyword = unsafe option.pointee.keyword {
            if let value = unsafe option.pointee.val {
                unsafe values[String(cString: keyword)] = unsafe String(cString: value)
            }
            unsafe option += 1
        }
    }

    /// Keywords and values for PQconnectdbParams; a later one replaces an earlier one.
    func parameters(applicationName: String, connectTimeout: Duration) -> [(keyword: String, value: String)] {
        var list = [
            ("application_name", applicationName),
            ("connect_timeout", String(max(2, connectTimeout.components.seconds))),
            // A server that the network has swallowed is found within 8 s, by who waits for it and by who listens.
            ("keepalives_idle", "3"), ("keepalives_interval", "2"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "7000"),
        ]
        if needsTLS { list.append(("sslmode", "verify-full")) }
        if needsTLS, values["sslrootcert"] == nil, let file = Self.systemCertificates {
            list.append(("sslrootcert", file))
        }
        list.append(("dbname", text))
        list.append(("client_encoding", "UTF8"))
        return list
    }

    func value(of keyword: String) -> String? { values[keyword] }

    /// The message without the password, should it be in there.
    func redacted(_ message: String) -> String {
        guard let password = values["password"], !password.isEmpty else { return message }
        var result = ""
        var rest = message[...]
        while let range = rest.firstRange(of: password) {
            result += rest[..<range.lowerBound] + "***"
            rest = rest[range.upperBound...]
        }
        return result + rest
    }

    /// True if the server is on another machine and nobody said how to protect the way to it.
    private var needsTLS: Bool {
        guard values["sslmode"] == nil, values["service"] == nil, Self.environment("PGSSLMODE") == nil else {
            return false
        }
        let hosts = values["hostaddr"] ?? values["host"] ?? Self.environment("PGHOST") ?? ""
        return hosts.split(separator: ",").contains { host in
            !(host.hasPrefix("/") || host.hasPrefix("@") || host == "localhost" || host.hasPrefix("127.")
                || host == "::1")
        }
    }

    private static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    /// libpq before version 16 does not know `sslrootcert=system`.
    private static let systemCertificates: String? =
        ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"]
        .first { unsafe access($0, R_OK) == 0 }
}

/// The strings as C strings, with a null pointer behind the last.
func withCStrings<R>(_ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> R) -> R {
    var buffer: [CChar] = []
    var offsets: [Int] = []
    for string in strings {
        offsets.append(buffer.count)
        buffer += string.utf8.map { CChar(bitPattern: $0) } + [0]
    }
    return unsafe buffer.withUnsafeBufferPointer { buffer in
        var pointers = unsafe offsets.map { offset in unsafe buffer.baseAddress.map { unsafe $0 + offset } }
        unsafe pointers.append(nil)
        return unsafe pointers.withUnsafeBufferPointer { pointers in unsafe body(pointers.baseAddress!) }
    }
}
