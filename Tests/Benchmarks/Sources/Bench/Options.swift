import Foundation

/// What `deploy/bench` was asked for.
struct Options {
    var rounds = 3
    var only: Set<String> = Set(Self.works)
    var json: String?
    /// Where the temporary folder of the servers is made.
    var folder = "/var/tmp"
    var keepsFolder = false
    /// Less of everything, to see that it works: the figures mean nothing.
    var isShort = false
    var root = ""
    var paidan = ""
    var reference = ""

    static let works = ["drain", "growth", "enqueue", "assign", "latency"]
    static let usage = """
        usage: deploy/bench [--rounds 3] [--only drain,growth,enqueue,assign,latency] [--json FILE] [--folder /var/tmp]
                            [--keep] [--short]
        """

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        func value(_ name: String) throws -> String {
            guard let next = rest.popFirst() else { throw BenchError("\(name) needs a value\n\(Self.usage)") }
            return next
        }
        while let word = rest.popFirst() {
            switch word {
            case "--rounds":
                guard let count = Int(try value(word)), count > 0 else { throw BenchError("--rounds is 1 or more") }
                rounds = count
            case "--only":
                only = Set(try value(word).split(separator: ",").map(String.init))
                let unknown = only.subtracting(Self.works)
                if !unknown.isEmpty {
                    throw BenchError("no work named \(unknown.joined(separator: ", "))\n\(Self.usage)")
                }
            case "--json": json = try value(word)
            case "--folder": folder = try value(word)
            case "--keep": keepsFolder = true
            case "--short": isShort = true
            case "--root": root = try value(word)
            case "--paidan": paidan = try value(word)
            case "--reference": reference = try value(word)
            default: throw BenchError("unknown option \(word)\n\(Self.usage)")
            }
        }
    }
}
