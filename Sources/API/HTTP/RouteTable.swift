internal import HTTPTypes

/// All endpoints, found by path.
struct RouteTable: Sendable {
    struct Match: Sendable {
        /// Every method of the path.
        let endpoints: [Endpoint]
        let parameters: [String: String]
    }

    let endpoints: [Endpoint]
    /// By number of segments; within it the pattern with more literals first.
    private let paths: [Int: [(pattern: PathPattern, endpoints: [Endpoint])]]

    init(_ endpoints: [Endpoint]) {
        self.endpoints = endpoints
        var order: [String] = []
        var byPath: [String: [Endpoint]] = [:]
        for endpoint in endpoints {
            let path = endpoint.path.description
            if byPath[path] == nil { order.append(path) }
            byPath[path, default: []].append(endpoint)
        }
        var paths: [Int: [(pattern: PathPattern, endpoints: [Endpoint])]] = [:]
        for path in order {
            let count = path.split(separator: "/").count
            paths[count, default: []].append((PathPattern(path), byPath[path] ?? []))
        }
        self.paths = paths.mapValues { $0.sorted { $0.pattern.weight > $1.pattern.weight } }
    }

    func match(_ segments: [Substring]) -> Match? {
        for (pattern, endpoints) in paths[segments.count] ?? [] {
            if let parameters = pattern.match(segments) {
                return Match(endpoints: endpoints, parameters: parameters)
            }
        }
        return nil
    }
}
