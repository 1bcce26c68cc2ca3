import Jobs
import Testing

@testable import PaidanCommand

@Suite("jobs.conf: limits") struct LimitConfTests {
    @Test("limits of kinds reach the kinds, and wait_replicas the store")
    func limits() throws {
        let conf = try Conf.parse(
            """
            [redis]
            url = "unix:/nowhere"
            wait_replicas = 2
            [kinds.noop]
            enabled = true
            concurrency = 3
            rate = "100/1m"
            [kinds."notify.send"]
            rate = "5/2s"
            """)
        #expect(conf.waitReplicas == 2)
        let composition = Composition(conf)
        defer { composition.close() }
        let noop = try #require(composition.kinds["noop"])
        #expect(noop.concurrency == 3 && noop.rate == Rate(100, per: .seconds(60)))
        let send = try #require(composition.kinds["notify.send"])
        #expect(send.concurrency == nil && send.rate == Rate(5, per: .seconds(2)))
        #expect(composition.kinds["customer.assign"]?.rate == nil)
    }

    @Test(
        "a rate is a count and a time",
        arguments: ["", "5", "/1m", "5/", "5/1x", "5/1m/2", "-1/1m", "100001/1m", "5/0", "5/100ms", "5/2d", " 5/1m"])
    func wrong(_ rate: String) {
        let problems = Conf.problems("[kinds.noop]\nrate = \"\(rate)\"\n")
        #expect(problems.contains { $0.hasPrefix("jobs.conf:2: kinds.noop.rate ") }, "\(problems)")
    }
}
