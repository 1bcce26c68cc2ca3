internal import Foundation

/// Arguments of `customer.assign`.
public struct AssignmentArguments: Sendable, Equatable {
    /// In the order in which they are served.
    public let customers: [Int]
    /// The import's chunk whose assignment this is; `nil` for customers entered singly.
    public let chunk: Chunk?

    public struct Chunk: Sendable, Equatable {
        public let importID: Int
        public let chunk: Int

        public init(importID: Int, chunk: Int) {
            self.importID = importID
            self.chunk = chunk
        }
    }

    public init(customers: [Int], chunk: Chunk? = nil) {
        self.customers = customers
        self.chunk = chunk
    }

    /// As they stand in the job: `{"customer_ids":[1,2]}`.
    public var json: [UInt8] {
        var text = "{\"customer_ids\":["
        text += customers.lazy.map(String.init).joined(separator: ",")
        text += "]"
        if let chunk { text += ",\"import_id\":\(chunk.importID),\"chunk\":\(chunk.chunk)" }
        return Array((text + "}").utf8)
    }
}

extension AssignmentArguments: Decodable {
    private enum Key: String, CodingKey {
        case customers = "customer_ids"
        case importID = "import_id"
        case chunk
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        var list = try values.nestedUnkeyedContainer(forKey: .customers)
        var customers: [Int] = []
        while !list.isAtEnd {
            let id = try list.decode(GivenID.self).value
            // The column's type. PostgreSQL would refuse the whole transaction, and with it every other job's customers.
            guard id <= Int32.max else {
                throw DecodingError.dataCorruptedError(
                    in: list, debugDescription: "a customer's id is at most \(Int32.max)")
            }
            customers.append(id)
        }
        self.customers = customers
        let importID = try values.decodeIfPresent(GivenID.self, forKey: .importID)?.value
        let chunk = try values.decodeIfPresent(Int.self, forKey: .chunk)
        guard (importID == nil) == (chunk == nil) else {
            throw DecodingError.dataCorruptedError(
                forKey: .chunk, in: values, debugDescription: "import_id and chunk go together")
        }
        self.chunk = importID.flatMap { id in chunk.map { Chunk(importID: id, chunk: $0) } }
    }
}

/// An id as callers write it: a number, or a string of digits.
struct GivenID: Decodable {
    let value: Int

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int.self) {
            value = number
        } else if let number = Int(try container.decode(String.self)) {
            value = number
        } else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "an id is a whole number")
        }
        guard value > 0 else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "an id is at least 1")
        }
    }
}
