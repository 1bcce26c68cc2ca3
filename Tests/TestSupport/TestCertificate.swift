internal import Subprocess

/// A throw-away certificate for `localhost` and 127.0.0.1, signed by itself.
public struct TestCertificate: Sendable {
    /// PEM file, also what a client has to trust.
    public let certificate: String
    public let key: String

    /// Made once in a test process.
    public static let shared = Task { try await make() }

    private static func make() async throws -> TestCertificate {
        let made = TestCertificate(
            certificate: PrivateServers.folder + "/tls.crt", key: PrivateServers.folder + "/tls.key")
        let result = try await run(
            .name("openssl"),
            arguments: [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", made.key,
                "-out", made.certificate,
            ], output: .discarded, error: .string(limit: 65_536))
        guard result.terminationStatus.isSuccess else {
            throw ServerError(message: "openssl req: \(result.standardError)")
        }
        return made
    }
}
