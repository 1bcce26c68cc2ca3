/// One HTTP request. Redirects are not followed; certificates are verified; HTTP/1.1.
public struct HTTPRequest: Sendable {
    public var method: String
    /// May hold a credential, so no error ever repeats it.
    public var url: String
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    /// From the call to the last byte of the answer, time in the queue included. Default 20 s.
    public var timeout: Duration = .seconds(20)
    /// Name lookup, TCP and TLS. Default 5 s.
    public var connectTimeout: Duration = .seconds(5)
    /// Longest response body, in bytes; a longer one is an error. Default 64 KiB.
    public var responseLimit = 65_536
    /// `http://host:port` or `socks5h://host:port`; nil: none, whatever the environment says.
    public var proxy: String?
    /// File of PEM certificates to trust instead of the system's.
    public var caFile: String?
    /// Refuse `http://`. Default false: an operator's base URL is taken as it is.
    public var httpsOnly = false

    public init(_ method: String, _ url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }

    /// - Throws: ``CurlError/Code/invalid`` if something in it could change the request's meaning.
    func validate() throws(CurlError) {
        guard !method.isEmpty, method.utf8.allSatisfy({ (0x41...0x5A).contains($0) }), method != "HEAD" else {
            throw CurlError(.invalid, "the HTTP method must be upper-case letters")
        }
        guard !url.isEmpty, url.utf8.count <= 8192, url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw CurlError(.invalid, "the URL is empty, too long, or has characters that must be percent-encoded")
        }
        for header in headers {
            guard !header.name.isEmpty, header.name.utf8.allSatisfy(isTokenByte) else {
                throw CurlError(.invalid, "an HTTP header's name has characters that are not allowed")
            }
            guard header.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                throw CurlError(.invalid, "the value of an HTTP header has a line break or control character")
            }
        }
    }
}

/// Bytes of a header's name (RFC 9110 §5.6.2).
private func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}

/// The server's answer, whatever its status.
public struct HTTPResponse: Sendable {
    public let status: Int
    /// Names in lower case, in the order received.
    public let headers: [(name: String, value: String)]
    public let body: [UInt8]

    /// The first header of that name (given in lower case).
    public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}
