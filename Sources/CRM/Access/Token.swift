internal import Crypto

/// What is stored of a token: its SHA-256, since a token has 256 random bits and needs no slow hash.
struct TokenDigest: Hashable, Sendable {
    let bytes: [UInt8]

    init(of token: String) { bytes = Array(SHA256.hash(data: Array(token.utf8))) }
}

/// Makes API tokens.
enum Token {
    /// `pdn_` and 64 hexadecimal digits of `random`, so that secret scanners can tell it.
    static func make(using random: inout some RandomNumberGenerator) -> String {
        let digits = (0..<4).map { _ in
            let word = String(UInt64.random(in: .min ... .max, using: &random), radix: 16)
            return String(repeating: "0", count: 16 - word.count) + word
        }
        return "pdn_" + digits.joined()
    }
}
