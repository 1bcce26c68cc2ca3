internal import CoreMetrics
internal import OwnerThread
internal import Synchronization

/// A counter: only grows.
final class CounterCell: CounterHandler, Sendable {
    private let count = Atomic<Int64>(0)

    var value: Int64 { count.load(ordering: .relaxed) }

    func increment(by amount: Int64) { count.wrappingAdd(amount, ordering: .relaxed) }
    func reset() { count.store(0, ordering: .relaxed) }
}

/// A gauge: the last value set.
final class GaugeCell: RecorderHandler, MeterHandler, Sendable {
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) { set(value) }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }
    func increment(by amount: Double) { change(by: amount) }
    func decrement(by amount: Double) { change(by: -amount) }

    private func change(by amount: Double) {
        var old = bits.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + amount).bitPattern
            let result = bits.compareExchange(expected: old, desired: new, ordering: .relaxed)
            if result.exchanged { return }
            old = result.original
        }
    }
}

/// A histogram with fixed bounds from 0.5 ms to 10 minutes, in seconds.
final class HistogramCell: TimerHandler, RecorderHandler, Sendable {
    private static let bounds = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600,
    ]

    private struct Counts {
        var buckets = [Int64](repeating: 0, count: HistogramCell.bounds.count)
        var count: Int64 = 0
        var sum = 0.0
    }

    private let counts = Lock(Counts())

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) {
        let bucket = Self.bounds.firstIndex { value <= $0 }
        counts.withLock { counts in
            if let bucket { counts.buckets[bucket] += 1 }
            counts.count += 1
            counts.sum += value
        }
    }

    func lines(_ name: String, _ labels: String) -> [String] {
        let now = counts.withLock { $0 }
        let before = labels.isEmpty ? "" : labels + ","
        var seen: Int64 = 0
        var lines = zip(Self.bounds, now.buckets).map { bound, count in
            seen += count
            return "\(name)_bucket{\(before)le=\"\(bound)\"} \(seen)"
        }
        lines.append("\(name)_bucket{\(before)le=\"+Inf\"} \(now.count)")
        let braced = labels.isEmpty ? "" : "{\(labels)}"
        lines.append("\(name)_sum\(braced) \(now.sum)")
        lines.append("\(name)_count\(braced) \(now.count)")
        return lines
    }
}
