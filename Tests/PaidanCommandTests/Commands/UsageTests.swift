import Testing

@Suite("Command line: usage") struct UsageTests {
    static let commands = [
        "serve", "migrate", "doctor", "import", "enqueue", "jobs", "jobs list", "jobs show", "jobs retry",
        "jobs cancel", "jobs discard", "queues", "queues list", "queues pause", "queues resume", "ranks", "ranks show",
        "ranks set", "fairness", "user", "user create", "user list", "user disable", "token", "token create",
        "token list", "token revoke",
    ]

    @Test("--help shows an example on standard output", arguments: commands)
    func help(_ command: String) async throws {
        let ran = try await Installation.run(command.split(separator: " ").map(String.init) + ["--help"])
        #expect(ran.code == 0)
        #expect(ran.out.contains("Example: paidan \(command)"), "\(ran.out)")
        #expect(ran.err.isEmpty)
    }

    @Test(
        "a wrong command line is 64, with the reason on standard error",
        arguments: [
            "fly", "serve --roles", "serve --roles api,cook", "serve --roles ,", "serve --speed 1", "import",
            "import a b", "import a --duplicates maybe", "enqueue", "enqueue noop --in soon", "enqueue noop --wait x",
            "enqueue noop --in 5s --at 2030-01-01T00:00:00Z", "enqueue noop --args {", "enqueue noop --args [1]",
            "enqueue noop --args {},\"queue\":\"bulk\"", "enqueue - --key k", "jobs list --state sleeping",
            "jobs list --limit 0", "jobs show", "jobs retry", "jobs retry --state queued", "jobs retry x --state dead",
            "jobs discard", "jobs cancel", "queues pause", "ranks set u --num 1001 --weight 1", "ranks set u --num 1",
            "ranks set u --num one --weight 1", "fairness --from yesterday", "user create", "user disable",
            "token create", "token create --user u --expires never", "token create --user u --expires 999999d",
            "token revoke seven", "migrate now", "doctor --fix",
        ])
    func usage(_ line: String) async throws {
        let ran = try await Installation.run(line.split(separator: " ").map(String.init))
        #expect(ran.code == 64, "\(ran)")
        #expect(ran.out.isEmpty)
        #expect(ran.err.contains("Error:"), "\(ran.err)")
    }

    @Test(
        "every command reads the whole configuration: 78, with key and line",
        arguments: [
            ["serve"], ["migrate"], ["migrate", "--status"], ["doctor"], ["import", "none.csv"], ["enqueue", "noop"],
            ["jobs", "list"], ["jobs", "show", "x"], ["jobs", "retry", "x"], ["jobs", "cancel", "x"],
            ["jobs", "discard", "x"], ["queues", "list"], ["queues", "pause", "bulk"], ["queues", "resume", "bulk"],
            ["ranks", "show"], ["ranks", "set", "u", "--num", "1", "--weight", "1"], ["fairness"],
            ["user", "create", "u"], ["user", "list"], ["user", "disable", "u"], ["token", "create", "--user", "u"],
            ["token", "list"], ["token", "revoke", "1"],
        ])
    func configuration(_ arguments: [String]) async throws {
        let folder = Scratch()
        try folder.write("[worker]\nlease = '1s'\n\n[channels.mail]\npassword = 'env:PAIDAN_NOT_SET'\ntype = 'email'\n")
        let ran = try await Installation.run(arguments + ["--config", folder.path])
        #expect(ran.code == 78)
        #expect(ran.out.isEmpty)
        #expect(ran.err.contains("\(folder.path):2: worker.lease must be 3s to 5m, is 1s\n"), "\(ran.err)")
        #expect(
            ran.err.contains("\(folder.path):5: channels.mail.password names the environment variable PAIDAN_NOT_SET"))
    }

    @Test("no file, a folder and bytes that are no text are 78")
    func files() async throws {
        var ran = try await Installation.run(["doctor", "--config", "/none/jobs.conf"])
        #expect(ran.code == 78)
        #expect(ran.err.contains("/none/jobs.conf"))
        ran = try await Installation.run(["doctor"], folder: "/proc")
        #expect(ran.code == 78)
        #expect(ran.err.contains("--config"))
        ran = try await Installation.run(["doctor", "--config", "/tmp"])
        #expect(ran.code == 78)
        let folder = Scratch()
        try folder.write(bytes: [0x61, 0xFF])
        ran = try await Installation.run(["doctor", "--config", folder.path])
        #expect(ran.code == 78)
        #expect(ran.err.contains("UTF-8"))
    }

    @Test("a password in a wrong address is not shown")
    func secrets() async throws {
        let folder = Scratch()
        try folder.write("[redis]\nurl = 'redis://:canary@host:port'\n[postgres]\nurl = 'canary'\n")
        let ran = try await Installation.run(["doctor", "--config", folder.path])
        #expect(ran.code == 78)
        #expect(!ran.err.contains("canary"))
    }
}
