internal import Glibc
public import Logging
internal import SystemPackage

/// Writes log events to standard error: one JSON object a line, or plain text for a terminal.
///
/// JSON: `{"time","level","logger","message","error"?, …metadata}`; times are UTC with milliseconds. Every line passes
/// through `redact` last, so a secret that slipped into a message or an error never leaves the process.
public struct LineLogHandler: LogHandler {
    public enum Format: String, Sendable, CaseIterable {
        case json, text
        /// Text if standard error is a terminal, else JSON.
        case auto
    }

    public var metadata: Logger.Metadata = [:]
    public var logLevel: Logger.Level = .info
    public var metadataProvider: Logger.MetadataProvider?

    public let label: String
    private let format: Format
    private let redact: @Sendable (String) -> String
    private let write: @Sendable (String) -> Void

    public init(
        label: String, format: Format, redact: @escaping @Sendable (String) -> String = { $0 },
        write: @escaping @Sendable (String) -> Void = LineLogHandler.standardError
    ) {
        self.label = label
        self.format = format == .auto ? (isatty(STDERR_FILENO) == 1 ? .text : .json) : format
        self.redact = redact
        self.write = write
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
        if let own = event.metadata { fields.merge(own) { _, new in new } }
        let time = Timestamp.now()
        let line =
            switch format {
            case .json, .auto: json(event, fields, time)
            case .text: text(event, fields, time)
            }
        write(redact(line))
    }

    /// One write a line, so that lines of several threads do not mix.
    public static let standardError: @Sendable (String) -> Void = { line in
        // Nobody is left to tell when standard error is closed.
        _ = try? FileDescriptor.standardError.writeAll(Array((line + "\n").utf8))
    }

    private func json(_ event: LogEvent, _ fields: Logger.Metadata, _ time: String) -> String {
        var out = "{\"time\":\"\(time)\",\"level\":\"\(event.level)\",\"logger\":"
        out.appendJSON(label)
        out += ",\"message\":"
        out.appendJSON("\(event.message)")
        if let error = event.error {
            out += ",\"error\":"
            out.appendJSON("\(error)")
        }
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            out += ","
            out.appendJSON(key)
            out += ":"
            out.appendJSON("\(value)")
        }
        return out + "}"
    }

    private func text(_ event: LogEvent, _ fields: Logger.Metadata, _ time: String) -> String {
        var out = "\(time) \(event.level) \(label): \(event.message)"
        if let error = event.error { out += " error=\(error)" }
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) { out += " \(key)=\(value)" }
        // A line stays a line whatever a message holds.
        return String(out.map { $0.isNewline ? " " : $0 })
    }
}

extension String {
    /// Appends `text` as a JSON string, quotes included.
    mutating func appendJSON(_ text: String) {
        self += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": self += "\\\""
            case "\\": self += "\\\\"
            case "\n": self += "\\n"
            case "\r": self += "\\r"
            case "\t": self += "\\t"
            case let control where control.value < 0x20:
                let digits = String(control.value, radix: 16)
                self += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: unicodeScalars.append(scalar)
            }
        }
        self += "\""
    }
}
