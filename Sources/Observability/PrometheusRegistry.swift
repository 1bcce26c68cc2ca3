public import CoreMetrics
internal import OwnerThread

/// Metrics of this process, and their Prometheus text.
///
/// Names come with their unit and `_total` already in them (`paidan_job_run_seconds`). Timers are histograms in
/// seconds; recorders with `aggregate` are histograms too, without it gauges.
public final class PrometheusRegistry: MetricsFactory, Sendable {
    private struct Key: Hashable {
        let name: String
        let labels: String
    }

    private struct State {
        var counters: [Key: CounterCell] = [:]
        var gauges: [Key: GaugeCell] = [:]
        var histograms: [Key: HistogramCell] = [:]
    }

    private let state = Lock(State())

    public init() {}

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        let key = Self.key(label, dimensions)
        return state.withLock { state in
            if let cell = state.counters[key] { return cell }
            let cell = CounterCell()
            state.counters[key] = cell
            return cell
        }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        gauge(Self.key(label, dimensions))
    }

    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        let key = Self.key(label, dimensions)
        return aggregate ? histogram(key) : gauge(key)
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        histogram(Self.key(label, dimensions))
    }

    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    /// The text that `/metrics` answers with (exposition format 0.0.4).
    ///
    /// - Parameter collected: values read at this moment from elsewhere, e.g. the depth of a queue.
    public func exposition(collected: [MetricSample] = []) -> String {
        let (counters, gauges, histograms) = state.withLock { ($0.counters, $0.gauges, $0.histograms) }
        var families: [String: (type: String, lines: [String])] = [:]
        func add(_ name: String, _ type: String, _ lines: [String]) {
            families[name, default: (type, [])].lines += lines
        }
        for (key, cell) in counters { add(key.name, "counter", ["\(key.name)\(braced(key.labels)) \(cell.value)"]) }
        for (key, cell) in gauges { add(key.name, "gauge", ["\(key.name)\(braced(key.labels)) \(cell.value)"]) }
        for (key, cell) in histograms { add(key.name, "histogram", cell.lines(key.name, key.labels)) }
        for sample in collected {
            let labels = Self.labels(sample.labels)
            add(sample.name, sample.type.rawValue, ["\(sample.name)\(braced(labels)) \(sample.value)"])
        }
        return families.sorted { $0.key < $1.key }
            .map { name, family in
                let lines = family.type == "histogram" ? family.lines : family.lines.sorted()
                return "# TYPE \(name) \(family.type)\n" + lines.joined(separator: "\n") + "\n"
            }
            .joined()
    }

    private func gauge(_ key: Key) -> GaugeCell {
        state.withLock { state in
            if let cell = state.gauges[key] { return cell }
            let cell = GaugeCell()
            state.gauges[key] = cell
            return cell
        }
    }

    private func histogram(_ key: Key) -> HistogramCell {
        state.withLock { state in
            if let cell = state.histograms[key] { return cell }
            let cell = HistogramCell()
            state.histograms[key] = cell
            return cell
        }
    }

    private static func key(_ label: String, _ dimensions: [(String, String)]) -> Key {
        Key(name: label, labels: labels(dimensions))
    }

    private static func labels(_ dimensions: [(String, String)]) -> String {
        dimensions.sorted { $0.0 < $1.0 }
            .map { name, value in
                let escaped = value.reduce(into: "") { out, character in
                    switch character {
                    case "\\": out += "\\\\"
                    case "\"": out += "\\\""
                    case "\n": out += "\\n"
                    default: out.append(character)
                    }
                }
                return "\(name)=\"\(escaped)\""
            }
            .joined(separator: ",")
    }
}

private func braced(_ labels: String) -> String { labels.isEmpty ? "" : "{\(labels)}" }

/// One value read at scrape time.
public struct MetricSample: Sendable {
    public enum Kind: String, Sendable { case gauge, counter }

    public let name: String
    public let type: Kind
    public let labels: [(String, String)]
    public let value: Double

    public init(_ name: String, _ value: Double, labels: [(String, String)] = [], _ type: Kind = .gauge) {
        self.name = name
        self.type = type
        self.labels = labels
        self.value = value
    }
}
