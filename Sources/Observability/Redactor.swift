internal import OwnerThread

/// Takes credentials out of text that leaves the program: log lines, errors, dead letters, API answers.
///
/// Two nets: what looks like a credential (query parameters, headers, providers' formats), and every known secret value
/// as it is, percent-encoded, escaped in JSON, or inside base64.
public final class Redactor: Sendable {
    /// What a credential is replaced by.
    public static let mask = "***"

    /// Names whose values are credentials, in lower case.
    public static let names: Set<String> = [
        "key", "access_token", "secret", "corpsecret", "appsecret", "app_secret", "appkey", "sign", "signature",
        "token",
        "password", "authorization", "proxy-authorization", "cookie", "set-cookie", "webhook-signature", "accesstoken",
        "access_key_secret",
    ]

    private let known = Lock<[UInt8: [[UInt8]]]>([:])

    public init(_ secrets: [Secret] = []) { learn(secrets) }

    /// Adds secrets, as after a reload of the settings. Values under 4 bytes are left out: they would hide ordinary text.
    public func learn(_ secrets: [Secret]) {
        let forms = secrets.flatMap { SecretForms.all(of: Array($0.exposed.utf8)) }
        known.withLock { known in
            for form in forms where known[form[0]]?.contains(form) != true {
                // Longest first, so that a form is not cut by one that it contains.
                known[form[0]] = ((known[form[0]] ?? []) + [form]).sorted { $0.count > $1.count }
            }
        }
    }

    /// `text` with every credential replaced by `***`.
    public func redact(_ text: String) -> String {
        let input = Array(text.utf8)
        let known = known.withLock { $0 }
        var output: [UInt8] = []
        output.reserveCapacity(input.count)
        var changed = false
        var index = 0
        while index < input.count {
            if let (kept, end) = credential(in: input, at: index, known) {
                output.append(contentsOf: input[index..<kept])
                output.append(contentsOf: Self.mask.utf8)
                index = end
                changed = true
            } else {
                output.append(input[index])
                index += 1
            }
        }
        return changed ? String(decoding: output, as: UTF8.self) : text
    }

    /// `value` redacted, all of it if `name` is one of ``names``.
    public func redact(_ value: String, named name: String) -> String {
        Self.names.contains(name.lowercased()) ? Self.mask : redact(value)
    }

    /// - Returns: where the credential that starts here begins (after its name, if any) and ends.
    private func credential(in text: [UInt8], at index: Int, _ known: [UInt8: [[UInt8]]]) -> (Int, Int)? {
        for form in known[text[index]] ?? [] where text[index...].starts(with: form) {
            return (index, index + form.count)
        }
        return CredentialPattern.match(text, at: index)
    }
}

extension Redactor: CustomReflectable {
    /// Shows none of what it knows.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// The ways a secret may be written.
enum SecretForms {
    static func all(of secret: [UInt8]) -> [[UInt8]] {
        guard secret.count >= 4 else { return [] }
        return [secret, percent(secret, digits: "0123456789ABCDEF"), percent(secret, digits: "0123456789abcdef")]
            + [json(secret, escapesSlash: true), json(secret, escapesSlash: false)] + base64Cores(secret)
    }

    private static func percent(_ bytes: [UInt8], digits: StaticString) -> [UInt8] {
        let digits = Array(digits.description.utf8)
        return bytes.flatMap { byte -> [UInt8] in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: [byte]
            default: [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
    }

    private static func json(_ bytes: [UInt8], escapesSlash: Bool) -> [UInt8] {
        bytes.flatMap { byte -> [UInt8] in
            byte == 0x22 || byte == 0x5C || (byte == 0x2F && escapesSlash) ? [0x5C, byte] : [byte]
        }
    }

    /// The characters that base64 makes of the secret alone, wherever it stands in what is encoded (as in AUTH PLAIN).
    private static func base64Cores(_ secret: [UInt8]) -> [[UInt8]] {
        (0..<3).compactMap { before in
            let bytes = [UInt8](repeating: 0, count: before) + secret
            let first = (before * 8 + 5) / 6
            let last = bytes.count * 8 / 6
            let core = Array(base64(bytes)[first..<last])
            return core.count >= 5 ? core : nil
        }
    }

    private static func base64(_ bytes: [UInt8]) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var result: [UInt8] = []
        var bits = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | Int(byte)
            count += 8
            while count >= 6 {
                count -= 6
                result.append(alphabet[bits >> count & 63])
            }
            bits &= 0xFF
        }
        if count > 0 { result.append(alphabet[bits << (6 - count) & 63]) }
        return result
    }
}
