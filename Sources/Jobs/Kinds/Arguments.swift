internal import FoundationEssentials

/// Why arguments do not fit their kind.
public struct ArgumentError: Error, Sendable, Equatable {
    /// JSON pointer into the arguments; empty for the whole.
    public var pointer: String
    public var message: String

    public init(pointer: String, message: String) {
        self.pointer = pointer
        self.message = message
    }

    /// Arguments that do not decode are dead at once, never a crash loop.
    var outcome: Outcome {
        .dead(code: EngineCode.badArguments, message: pointer.isEmpty ? message : "\(pointer): \(message)")
    }
}

/// Decodes the bytes of a job's arguments.
enum Arguments {
    static func decoded<A: Decodable>(_ type: A.Type, _ claim: Claim) -> Result<A, ArgumentError> {
        Result { () throws(ArgumentError) in try decode(type, claim.args) }
    }

    static func decode<A: Decodable>(_ type: A.Type, _ bytes: [UInt8]) throws(ArgumentError) -> A {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw ArgumentError(error)
        } catch {
            throw ArgumentError(pointer: "", message: "is not valid")
        }
    }
}

extension ArgumentError {
    /// Names the place and what was expected, never the value.
    fileprivate init(_ error: DecodingError) {
        switch error {
        case .keyNotFound(let key, let context):
            self.init(pointer: Self.pointer(context.codingPath + [key]), message: "is missing")
        case .typeMismatch(let type, let context):
            self.init(pointer: Self.pointer(context.codingPath), message: "must be \(Self.name(type))")
        case .valueNotFound(let type, let context):
            self.init(pointer: Self.pointer(context.codingPath), message: "must be \(Self.name(type)), is null")
        case .dataCorrupted(let context) where context.codingPath.isEmpty:
            self.init(pointer: "", message: "is not JSON")
        case .dataCorrupted(let context):
            self.init(pointer: Self.pointer(context.codingPath), message: context.debugDescription)
        @unknown default:
            self.init(pointer: "", message: "is not valid")
        }
    }

    private static func pointer(_ path: [any CodingKey]) -> String {
        path.map { key in
            let name = key.intValue.map(String.init) ?? key.stringValue
            return "/" + name.replacing("~", with: "~0").replacing("/", with: "~1")
        }.joined()
    }

    private static func name(_ type: any Any.Type) -> String {
        if type == String.self { return "a string" }
        if type == Bool.self { return "true or false" }
        if type == Int.self || type == Int64.self || type == Int32.self { return "a whole number" }
        if type == Double.self { return "a number" }
        let name = "\(type)"
        if name.hasPrefix("Array") { return "a list" }
        return name.hasPrefix("Dictionary") ? "an object" : "of another type"
    }
}
