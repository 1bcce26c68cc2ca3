internal import Glibc
internal import OwnerThread

/// A mail server of our own: follows a script and keeps the mails it took.
public final class FakeSMTPServer: Sendable {
    public enum Step: Sendable, Equatable {
        case greeting, hello, startTLS, auth, authResponse, data, quit
        case mail(String)
        case recipient(String)
        /// The client may send the message now; only ``Action/pause`` has an effect.
        case bodyStarted
        /// After the final dot, with the message as sent (dots unstuffed).
        case final(String)
    }

    public enum Action: Sendable {
        /// One or more reply lines, without line ends.
        case reply(String)
        /// Closes the connection.
        case drop
        /// Keeps it open and says nothing.
        case silence
        /// Neither reads nor writes until ``FakeSMTPServer/resume()``, then goes on as usual.
        case pause
    }

    public struct Options: Sendable {
        public var implicitTLS = false
        public var offersTLS = true
        /// The AUTH line of the EHLO reply.
        public var auth: String? = "AUTH PLAIN LOGIN"
        public init() {}
    }

    public struct Mail: Sendable, Equatable {
        public var sender: String
        public var recipients: [String]
        public var data: String
        public var authenticated: Bool
        public var secure: Bool
        /// Number of the connection it came over, from 1.
        public var connection: Int

        public init(
            sender: String, recipients: [String], data: String, authenticated: Bool, secure: Bool, connection: Int
        ) {
            self.sender = sender
            self.recipients = recipients
            self.data = data
            self.authenticated = authenticated
            self.secure = secure
            self.connection = connection
        }
    }

    private struct Log {
        var mails: [Mail] = []
        var commands: [String] = []
        var connections = 0
        var sessions = 0
        var isResumed = false
    }

    private let server: LoopbackServer
    private let log: Lock<Log>
    public let url: String

    /// - Parameter script: what to do at a step; nil: what a mail server does that takes everything.
    public init(
        _ certificate: TestCertificate, _ options: Options = Options(),
        _ script: @escaping @Sendable (Step) -> Action? = { _ in nil }
    ) throws {
        let log = Lock(Log())
        let library = try TLSLibrary(certificate)
        self.log = log
        server = try LoopbackServer(name: "fake-smtp") { wire, number in
            log.withLock {
                $0.connections = max($0.connections, number)
                $0.sessions += 1
            }
            defer { log.withLock { $0.sessions -= 1 } }
            if options.implicitTLS, !wire.startTLS(library) { return }
            let session = SMTPSession(
                wire: wire, number: number, options: options, library: library, script: script,
                command: { line in log.withLock { $0.commands.append(line) } },
                mail: { mail in log.withLock { $0.mails.append(mail) } },
                isResumed: { log.withLock { $0.isResumed } })
            session.run()
        }
        url = "\(options.implicitTLS ? "smtps" : "smtp")://127.0.0.1:\(server.port)"
    }

    public var mails: [Mail] { log.withLock { $0.mails } }
    /// All command lines in the order received, and a line `.` for each final dot.
    public var commands: [String] { log.withLock { $0.commands } }
    public var connections: Int { log.withLock { $0.connections } }

    /// Sessions open now.
    public var sessions: Int { log.withLock { $0.sessions } }

    /// Ends all pauses.
    public func resume() { log.withLock { $0.isResumed = true } }

    public func stop() { server.stop() }
}

private final class SMTPSession {
    private let wire: Wire
    private let number: Int
    private let options: FakeSMTPServer.Options
    private let library: TLSLibrary
    private let script: (FakeSMTPServer.Step) -> FakeSMTPServer.Action?
    private let command: (String) -> Void
    private let mail: (FakeSMTPServer.Mail) -> Void
    private let isResumed: () -> Bool
    private var sender: String?
    private var recipients: [String] = []
    private var authenticated = false

    init(
        wire: Wire, number: Int, options: FakeSMTPServer.Options, library: TLSLibrary,
        script: @escaping (FakeSMTPServer.Step) -> FakeSMTPServer.Action?, command: @escaping (String) -> Void,
        mail: @escaping (FakeSMTPServer.Mail) -> Void, isResumed: @escaping () -> Bool
    ) {
        self.wire = wire
        self.number = number
        self.options = options
        self.library = library
        self.script = script
        self.command = command
        self.mail = mail
        self.isResumed = isResumed
    }

    func run() {
        guard give(.greeting, "220 fake ESMTP") != nil else { return }
        while let line = wire.line() {
            let text = String(decoding: line, as: UTF8.self)
            command(text)
            guard take(text) else { return }
        }
    }

    /// - Returns: the first digit of the reply given, nil if the connection is over.
    private func give(
        _ step: FakeSMTPServer.Step, _ usual: String, accepted: () -> Void = {}
    ) -> Character? {
        switch script(step) ?? .reply(usual) {
        case .pause:
            waitForResume()
            accepted()
            return wire.write(usual + "\r\n") ? usual.first : nil
        case .reply(let text):
            // Before the reply: whoever has read it may look at once.
            if text.first == "2" { accepted() }
            guard wire.write(text.split(separator: "\n").map { $0 + "\r\n" }.joined()) else { return nil }
            return text.first
        case .drop: return nil
        case .silence:
            wire.waitForEnd()
            return nil
        }
    }

    /// - Returns: false if the connection is over.
    private func take(_ line: String) -> Bool {
        let verb = line.prefix { $0 != " " && $0 != ":" }.uppercased()
        switch verb {
        case "EHLO", "HELO": return give(.hello, helloReply) != nil
        case "STARTTLS":
            guard let reply = give(.startTLS, "220 go ahead") else { return false }
            return reply != "2" || wire.startTLS(library)
        case "AUTH": return authenticate(line)
        case "MAIL":
            let address = addressIn(line)
            guard let reply = give(.mail(address), "250 2.1.0 ok") else { return false }
            if reply == "2" { (sender, recipients) = (address, []) }
            return true
        case "RCPT":
            let address = addressIn(line)
            guard let reply = give(.recipient(address), "250 2.1.5 ok") else { return false }
            if reply == "2" { recipients.append(address) }
            return true
        case "DATA": return receiveMail()
        case "RSET", "NOOP": return wire.write("250 ok\r\n")
        case "QUIT":
            _ = give(.quit, "221 bye")
            return false
        default: return wire.write("500 5.5.1 what?\r\n")
        }
    }

    private var helloReply: String {
        var lines = ["fake"]
        if options.offersTLS && !wire.isSecure { lines.append("STARTTLS") }
        if let auth = options.auth { lines.append(auth) }
        lines.append("SIZE 10000000")
        return lines.enumerated().map { "250\($0.offset == lines.count - 1 ? " " : "-")\($0.element)" }
            .joined(separator: "\n")
    }

    private func authenticate(_ line: String) -> Bool {
        if line.split(separator: " ").count < 3 {
            guard give(.auth, "334 ") != nil, let response = wire.line() else { return false }
            command(String(decoding: response, as: UTF8.self))
        }
        guard let reply = give(.authResponse, "235 2.7.0 ok") else { return false }
        authenticated = reply == "2"
        return true
    }

    private func waitForResume() {
        while !isResumed() { usleep(2000) }
    }

    private func receiveMail() -> Bool {
        guard let reply = give(.data, "354 go on") else { return false }
        guard reply == "3" else { return true }
        if case .pause? = script(.bodyStarted) { waitForResume() }
        var lines: [String] = []
        var isComplete = false
        while let line = wire.line() {
            if line == [0x2E] {
                isComplete = true
                break
            }
            lines.append(String(decoding: line.first == 0x2E ? line.dropFirst() : line[...], as: UTF8.self))
        }
        guard isComplete else { return false }
        command(".")
        let data = lines.map { $0 + "\r\n" }.joined()
        let taken = FakeSMTPServer.Mail(
            sender: sender ?? "", recipients: recipients, data: data, authenticated: authenticated,
            secure: wire.isSecure, connection: number)
        return give(.final(data), "250 2.0.0 queued", accepted: { mail(taken) }) != nil
    }
}

private func addressIn(_ line: String) -> String {
    guard let start = line.firstIndex(of: "<"), let end = line.firstIndex(of: ">"), start < end else { return "" }
    return String(line[line.index(after: start)..<end])
}
