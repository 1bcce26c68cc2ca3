import Testing

@testable import PaidanCommand

/// Configuration files of tests, with made-up surroundings.
enum Conf {
    struct NoSuchFile: Error {}

    static func parse(
        _ text: String, environment: [String: String] = [:], files: [String: String] = [:]
    ) throws -> JobsConf {
        try JobsConf(
            parsing: text, name: "jobs.conf",
            sources: ConfSources(
                environment: { environment[$0] },
                file: { path in
                    guard let content = files[path] else { throw NoSuchFile() }
                    return content
                }))
    }

    /// What is said about a file that must be refused.
    static func problems(
        _ text: String, environment: [String: String] = [:], files: [String: String] = [:],
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> [String] {
        do {
            _ = try parse(text, environment: environment, files: files)
            Issue.record("this was taken:\n\(text)", sourceLocation: sourceLocation)
            return []
        } catch {
            return (error as? ConfError)?.problems ?? ["\(error)"]
        }
    }
}
