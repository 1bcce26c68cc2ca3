internal import Crypto
internal import FoundationEssentials
internal import Observability

enum DingTalkSignature {
    /// base64(HMAC-SHA256(key: secret, timestamp + "\n" + secret)), not yet percent-encoded.
    ///
    /// - Parameter timestamp: milliseconds since 1970.
    static func make(secret: Secret, timestamp: Int64) -> String {
        let key = Array(secret.exposed.utf8)
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("\(timestamp)\n".utf8) + key, using: SymmetricKey(data: key))
        return Data(code).base64EncodedString()
    }
}
