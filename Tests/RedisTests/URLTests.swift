import Redis
import Testing

@Suite struct URLTests {
    struct Good: Sendable, CustomTestStringConvertible {
        var url: String
        var address: RedisConfiguration.Address
        var user: String?
        var password: String?
        var database = 0
        var testDescription: String { url }
    }

    static let local = RedisConfiguration.Address.tcp(host: "127.0.0.1", port: 6379)

    @Test(arguments: [
        Good(url: "redis://127.0.0.1:6379/0", address: local),
        Good(url: "redis://127.0.0.1", address: local),
        Good(url: "redis://127.0.0.1/", address: local),
        Good(url: "redis://redis.internal:7000/12", address: .tcp(host: "redis.internal", port: 7000), database: 12),
        Good(url: "redis://[::1]:7000", address: .tcp(host: "::1", port: 7000)),
        Good(url: "redis://[::1]", address: .tcp(host: "::1", port: 6379)),
        Good(url: "redis://:p%40ss%2Fw%3Ard%25@127.0.0.1", address: local, password: "p@ss/w:rd%"),
        Good(url: "redis://:a@b@127.0.0.1", address: local, password: "a@b"),
        Good(url: "redis://:%E5%AF%86@127.0.0.1", address: local, password: "密"),
        Good(url: "redis://paidan:secret@127.0.0.1/3", address: local, user: "paidan", password: "secret", database: 3),
        Good(url: "unix:/run/redis/redis.sock", address: .unix(path: "/run/redis/redis.sock")),
        Good(url: "unix:///run/redis.sock?db=5", address: .unix(path: "/run/redis.sock"), database: 5),
    ]) func parses(_ good: Good) throws {
        let configuration = try RedisConfiguration(url: good.url)
        #expect(configuration.address == good.address)
        #expect(configuration.user == good.user)
        #expect(configuration.password == good.password)
        #expect(configuration.database == good.database)
    }

    @Test(arguments: [
        ("", "must start with"), ("127.0.0.1:6379", "must start with"), ("http://127.0.0.1", "must start with"),
        ("rediss://127.0.0.1", "TLS"), ("redis://", "host"), ("redis://:6379", "host"),
        ("redis://127.0.0.1:", "port"), ("redis://127.0.0.1:0", "port"), ("redis://127.0.0.1:65536", "port"),
        ("redis://127.0.0.1:+80", "port"), ("redis://127.0.0.1:x", "port"), ("redis://127.0.0.1/x", "database"),
        ("redis://127.0.0.1/-1", "database"), ("redis://127.0.0.1/0/1", "database"),
        ("redis://hunter2@127.0.0.1", "before @"), ("redis://:@127.0.0.1", "empty"),
        ("redis://:hunter2%@127.0.0.1", "hexadecimal"), ("redis://:hunter2%zz@127.0.0.1", "hexadecimal"),
        ("redis://:hunter2%+1@127.0.0.1", "hexadecimal"), ("redis://:hunter2%FF@127.0.0.1", "UTF-8"),
        ("redis://[::1", "bracket"), ("redis://[::1]x", "follow"), ("redis://a b", "host"),
        ("unix:", "absolute"), ("unix:relative.sock", "absolute"), ("unix://host/path", "absolute"),
        ("unix:/s?database=1", "db=N"), ("unix:/s?db=x", "database"),
        ("unix:/" + String(repeating: "x", count: 107), "107"),
    ]) func refusesWithAReason(url: String, reason: String) {
        let error = #expect(throws: RedisURLError.self) { try RedisConfiguration(url: url) }
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "no error")")
        #expect(error?.message.contains("hunter2") != true)
    }
}
