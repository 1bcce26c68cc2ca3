internal import HTTPTypes

/// The OpenAPI 3.1 document, made from the endpoints themselves.
enum OpenAPI {
    /// `/openapi.json`, which describes itself too.
    static func endpoint(describing others: [Endpoint]) -> Endpoint {
        func endpoint(_ document: [UInt8]) -> Endpoint {
            Endpoint(.get, "/openapi.json", "This interface as OpenAPI 3.1", access: .open) { _ in .json(document) }
        }
        return endpoint(document(of: others + [endpoint([])]))
    }

    static func document(of endpoints: [Endpoint]) -> [UInt8] {
        let byPath = Dictionary(grouping: endpoints, by: \.path.description)
        return JSONWriter.object { out in
            out.field("openapi", "3.1.0")
            out.object("info") { out in
                out.field("title", "paidan")
                out.field("version", "1")
            }
            out.object("paths") { out in
                for (path, endpoints) in byPath.sorted(by: { $0.key < $1.key }) {
                    out.object(path) { out in
                        for endpoint in endpoints { operation(endpoint, &out) }
                    }
                }
            }
            out.object("components") { out in
                out.object("securitySchemes") { out in
                    out.object("bearer") { out in
                        out.field("type", "http")
                        out.field("scheme", "bearer")
                    }
                }
            }
        }
    }

    private static func operation(_ endpoint: Endpoint, _ out: inout JSONWriter) {
        out.object(endpoint.method.rawValue.lowercased()) { out in
            out.field("summary", endpoint.summary)
            out.array("security") { out in
                // An empty object among others: the token may be left out.
                if case .open = endpoint.access { return }
                if case .local = endpoint.access { out.object { _ in } }
                out.object { out in out.array("bearer") { _ in } }
            }
            out.array("parameters") { out in
                for name in endpoint.path.parameters { parameter(name, "path", &out) }
                for name in endpoint.query { parameter(name, "query", &out) }
                for name in endpoint.headers { parameter(name, "header", &out) }
            }
            if let types = mediaTypes(endpoint.body) {
                out.object("requestBody") { out in
                    if case .json(_, true) = endpoint.body {} else { out.field("required", true) }
                    out.object("content") { out in
                        for type in types { out.object(type) { _ in } }
                    }
                }
            }
            out.object("responses") { out in
                for status in endpoint.success {
                    out.object(String(status)) { out in out.field("description", "Success") }
                }
                out.object("default") { out in
                    out.field("description", "An error")
                    out.object("content") { out in out.object("application/problem+json") { _ in } }
                }
            }
        }
    }

    private static func parameter(_ name: String, _ place: String, _ out: inout JSONWriter) {
        out.object { out in
            out.field("name", name)
            out.field("in", place)
            out.field("required", place != "query")
            out.object("schema") { out in out.field("type", "string") }
        }
    }

    private static func mediaTypes(_ body: Endpoint.Body) -> [String]? {
        switch body {
        case .none: nil
        case .json: ["application/json"]
        case .stream(let types, _): types ?? ["application/octet-stream", "multipart/form-data"]
        }
    }
}
