import CoreMetrics
import Logging
import Observability
import OwnerThread
import Testing

@Suite struct LineLogHandlerTests {
    @Test func jsonLineHoldsTheEventAndIsRedactedLast() {
        let lines = Lock<[String]>([])
        let handler = LineLogHandler(
            label: "worker", format: .json, redact: { $0.replacing("hunter2", with: "***") },
            write: { line in lines.withLock { $0.append(line) } })
        var logger = Logger(label: "worker") { _ in handler }
        logger[metadataKey: "job.id"] = "j1"
        logger.error("a \"quoted\"\nline\u{1}", metadata: ["password": "hunter2"])
        let line = lines.withLock { $0 }[0]
        #expect(line.hasPrefix("{\"time\":\"20"))
        let rest =
            "\"level\":\"error\",\"logger\":\"worker\",\"message\":\"a \\\"quoted\\\"\\nline\\u0001\","
            + "\"job.id\":\"j1\",\"password\":\"***\"}"
        #expect(line.hasSuffix(rest))
    }

    @Test func textLineStaysALine() {
        let lines = Lock<[String]>([])
        let handler = LineLogHandler(label: "x", format: .text, write: { line in lines.withLock { $0.append(line) } })
        Logger(label: "x") { _ in handler }.info("one\ntwo")
        #expect(lines.withLock { $0 }[0].hasSuffix("info x: one two"))
    }
}

@Suite struct TimestampTests {
    @Test(
        arguments: [
            (0, 0, "1970-01-01T00:00:00.000Z"), (1_700_000_000_123, 28_800, "2023-11-15T06:13:20.123+08:00"),
            (951_782_400_000, 0, "2000-02-29T00:00:00.000Z"), (-1, 0, "1969-12-31T23:59:59.999Z"),
            (1_700_000_000_000, -12_600, "2023-11-14T18:43:20.000-03:30"),
        ] as [(Int64, Int, String)])
    func rfc3339(_ milliseconds: Int64, _ offset: Int, _ expected: String) {
        #expect(Timestamp.rfc3339(milliseconds: milliseconds, offset: offset) == expected)
    }
}

@Suite struct PrometheusRegistryTests {
    @Test func expositionGroupsFamiliesAndEscapesLabels() {
        let registry = PrometheusRegistry()
        registry.makeCounter(label: "a_total", dimensions: [("kind", "x\"y")]).increment(by: 2)
        registry.makeCounter(label: "a_total", dimensions: [("kind", "x\"y")]).increment(by: 1)
        registry.makeMeter(label: "depth", dimensions: []).set(4.0)
        registry.makeTimer(label: "run_seconds", dimensions: []).recordNanoseconds(3_000_000)
        let text = registry.exposition(collected: [MetricSample("queue_depth", 7, labels: [("queue", "bulk")])])
        #expect(text.contains("# TYPE a_total counter\na_total{kind=\"x\\\"y\"} 3\n"))
        #expect(text.contains("# TYPE depth gauge\ndepth 4.0\n"))
        #expect(text.contains("queue_depth{queue=\"bulk\"} 7.0\n"))
        #expect(text.contains("run_seconds_bucket{le=\"0.0025\"} 0\nrun_seconds_bucket{le=\"0.005\"} 1\n"))
        #expect(text.contains("run_seconds_count 1\n"))
    }
}
