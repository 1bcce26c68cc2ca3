internal import Curl

/// An address with an optional display name.
public struct Mailbox: Sendable, Hashable {
    public let name: String?
    /// Plain ASCII, checked.
    public let address: String

    /// - Returns: nil if the address is malformed.
    public init?(name: String? = nil, address: String) {
        guard MailAddress.isValid(address) else { return nil }
        self.name = name.flatMap { $0.isEmpty ? nil : $0 }
        self.address = address
    }

    /// - Parameter text: `crm@example.com` or `销售助手 <crm@example.com>`.
    /// - Returns: nil if it is neither.
    public init?(_ text: String) {
        guard let open = text.lastIndex(of: "<") else {
            self.init(address: text)
            return
        }
        guard text.last == ">" else { return nil }
        let address = text[text.index(after: open)...].dropLast()
        var name = text[..<open]
        while name.last == " " { name.removeLast() }
        if name.count >= 2 && name.first == "\"" && name.last == "\"" { name = name.dropFirst().dropLast() }
        self.init(name: String(name), address: String(address))
    }

    var domain: String { String(address.drop { $0 != "@" }.dropFirst()) }

    /// As in `From` and `To`: only the name is ever encoded.
    var header: String {
        guard let name else { return address }
        return "\(HeaderText.phrase(name)) <\(address)>"
    }
}
