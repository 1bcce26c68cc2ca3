/// What may stand in `MAIL FROM` and `RCPT TO`.
public enum MailAddress {
    /// True for a plain ASCII address whose domain has a dot (an international domain in its `xn--` form).
    ///
    /// libcurl before 8.22 passes line breaks on to the server, so that a recipient could add commands.
    public static func isValid(_ address: String) -> Bool {
        let bytes = Array(address.utf8)
        guard let at = bytes.lastIndex(of: 0x40), (1...64).contains(at), bytes.count <= 254,
            bytes[..<at].allSatisfy(isLocalByte)
        else { return false }
        let labels = bytes[(at + 1)...].split(separator: 0x2E, omittingEmptySubsequences: false)
        guard labels.count >= 2, let last = labels.last, last.count >= 2 else { return false }
        return labels.allSatisfy { label in (1...63).contains(label.count) && label.allSatisfy(isHostByte) }
    }

    /// True for a name to say hello with: letters, digits, hyphens and dots.
    static func isHostName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 253 && name.utf8.allSatisfy { isHostByte($0) || $0 == 0x2E }
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D: true
        default: false
        }
    }

    private static func isLocalByte(_ byte: UInt8) -> Bool {
        isHostByte(byte) || ".!#$%&'*+/=?^_`{|}~".utf8.contains(byte)
    }
}
