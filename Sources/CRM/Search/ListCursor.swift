internal import Foundation

/// Where a page of a list ended: the sort key and the id of its last customer, and which list it was.
struct ListCursor: Sendable, Codable, Equatable {
    /// Of the list's filters and order.
    let list: String
    /// nil where the order has no key, or the customer none.
    let key: String?
    let id: Int

    private enum CodingKeys: String, CodingKey {
        case list = "l"
        case key = "k"
        case id = "i"
    }

    init(list: String, key: String?, id: Int) {
        self.list = list
        self.key = key
        self.id = id
    }

    /// - Throws: ``ListRefusal/cursor`` if the text is no cursor of this list.
    init(_ text: String, of list: String) throws {
        var base64 = text.replacing("-", with: "+").replacing("_", with: "/")
        base64 += String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
        guard text.utf8.count <= 1000, let data = Data(base64Encoded: base64),
            let cursor = try? JSONDecoder().decode(ListCursor.self, from: data), cursor.list == list,
            (0...Int(Int32.max)).contains(cursor.id), cursor.key?.utf8.contains(0) != true
        else { throw ListRefusal.cursor }
        self = cursor
    }

    /// Opaque; letters, digits, `-` and `_`.
    var text: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            return try encoder.encode(self).base64EncodedString()
                .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        }
    }

    /// The key of an order by day.
    ///
    /// - Throws: ``ListRefusal/cursor`` if it is none.
    var day: String? {
        get throws {
            guard let key else { return nil }
            guard let day = Day(key) else { throw ListRefusal.cursor }
            return day.description
        }
    }

    /// FNV-1a: tells lists apart, keeps nothing secret.
    static func fingerprint(_ parts: [[String]]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        for part in parts {
            for text in part {
                text.utf8.forEach(mix)
                mix(0xFF)
            }
            mix(0xFE)
        }
        return String(hash, radix: 36)
    }
}
