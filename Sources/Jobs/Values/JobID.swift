/// Ids of jobs: 26 lower-case letters and digits, in the order of time.
public enum JobID {
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// - Parameter milliseconds: since 1970; ids of a later millisecond sort behind.
    public static func make(at milliseconds: Int, using random: inout some RandomNumberGenerator) -> String {
        var bytes = [UInt8](repeating: 0, count: 26)
        var time = UInt64(clamping: milliseconds)
        for place in stride(from: 9, through: 0, by: -1) {
            bytes[place] = alphabet[Int(time & 31)]
            time >>= 5
        }
        var chance = (random.next(), random.next())
        for place in 10..<18 {
            bytes[place] = alphabet[Int(chance.0 & 31)]
            chance.0 >>= 5
        }
        for place in 18..<26 {
            bytes[place] = alphabet[Int(chance.1 & 31)]
            chance.1 >>= 5
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Ids that can be stored: 1 to 64 letters, digits, `_` or `-`. (Those of the outbox are UUIDs.)
    public static func isValid(_ id: String) -> Bool {
        !id.isEmpty && id.utf8.count <= 64
            && id.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
                default: false
                }
            }
    }
}

/// Names of queues: `[a-z0-9_-]{1,32}`; `assign` is the seller list's.
public enum QueueName {
    public static func isValid(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 32 && name != "assign"
            && name.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x61...0x7A, 0x2D, 0x5F: true
                default: false
                }
            }
    }
}
