/// Why a transfer has no answer.
///
/// Holds fixed text and libcurl's code only: never the URL, a header, an address or a credential.
public struct CurlError: Error, Sendable, Equatable, CustomStringConvertible {
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String, Sendable {
            case invalid, full, closed, cancelled, timedOut, unreachable, tls, certificate, tlsNotOffered
            case authNotOffered, loginDenied, dropped, tooLarge, other
        }
        private let value: Value

        /// The request cannot be sent as written: a bad URL, a line break in a header, a malformed address.
        public static let invalid = Self(value: .invalid)
        /// Too many requests wait already.
        public static let full = Self(value: .full)
        /// The client was closed.
        public static let closed = Self(value: .closed)
        /// The calling task was cancelled.
        public static let cancelled = Self(value: .cancelled)
        /// No answer within the deadline.
        public static let timedOut = Self(value: .timedOut)
        /// The name does not resolve, or nobody accepts the connection.
        public static let unreachable = Self(value: .unreachable)
        /// The TLS handshake failed.
        public static let tls = Self(value: .tls)
        /// The server's certificate is not trusted, or the CA file cannot be read.
        public static let certificate = Self(value: .certificate)
        /// The mail server does not offer STARTTLS.
        public static let tlsNotOffered = Self(value: .tlsNotOffered)
        /// Credentials are set but the mail server does not offer AUTH.
        public static let authNotOffered = Self(value: .authNotOffered)
        /// Login failed without a reply that says why.
        public static let loginDenied = Self(value: .loginDenied)
        /// The connection was lost.
        public static let dropped = Self(value: .dropped)
        /// The response is longer than allowed.
        public static let tooLarge = Self(value: .tooLarge)
        /// Anything else; ``CurlError/message`` names libcurl's code.
        public static let other = Self(value: .other)

        public var description: String { value.rawValue }
    }

    public let code: Code
    public let message: String
    /// False when the server certainly did not receive the request (or the whole mail), so sending again is no repeat.
    public let mayHaveRun: Bool

    init(_ code: Code, _ message: String, mayHaveRun: Bool = false) {
        self.code = code
        self.message = message
        self.mayHaveRun = mayHaveRun
    }

    public var description: String { mayHaveRun ? message + " (the server may have received it)" : message }
}
