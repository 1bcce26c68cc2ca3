internal import Crypto
internal import FoundationEssentials
public import Observability

extension Secret {
    /// The last 4 hex characters of its SHA-256: enough to tell two apart, useless for finding it.
    public var fingerprint: String { String(keyHash.suffix(4)) }

    /// 16 hex characters that stand for it in tables and logs.
    var keyHash: String { String(hex(SHA256.hash(data: Array(exposed.utf8))).suffix(16)) }
}

/// Lower-case hexadecimal.
func hex(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}

/// RFC 3986: everything but `A-Za-z0-9-._~`, upper-case digits.
func percentEncoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    let bytes = text.utf8.flatMap { byte -> [UInt8] in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: [byte]
        default: [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}
