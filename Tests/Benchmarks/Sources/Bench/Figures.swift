/// Median of some runs, and the lowest and highest of them.
struct Spread: Codable {
    var median = 0.0
    var low = 0.0
    var high = 0.0

    init(median: Double = 0, low: Double = 0, high: Double = 0) {
        self.median = median
        self.low = low
        self.high = high
    }

    init(_ values: [Double]) {
        let sorted = values.sorted()
        guard let first = sorted.first, let last = sorted.last else { return }
        let middle = sorted.count / 2
        median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        low = first
        high = last
    }
}

/// What a row promises: a ratio of the two columns, and perhaps an absolute figure.
enum Target {
    case none
    /// The ratio is at least this.
    case ratio(Double, floor: Double? = nil)
    /// The ratio is at most this.
    case atMost(Double)
}

/// One row of the table: the product beside what it is compared with.
struct Figure: Codable {
    let work: String
    let unit: String
    let paidan: Spread
    let other: Spread
    /// What it is compared with: C, or the product under another condition.
    let beside: String
    /// Median of the rounds' ratios, each of two runs that followed each other.
    let ratio: Spread
    let target: String
    /// Nil: no promise.
    let isMet: Bool?
    var notes: String?

    /// - Parameters: `paidan` and `other`: one value a round, in the same order.
    init(
        _ work: String, unit: String, paidan: [Double], other: [Double], beside: String = "C", target: Target = .none,
        notes: String? = nil
    ) {
        self.work = work
        self.unit = unit
        self.paidan = Spread(paidan)
        self.other = Spread(other)
        self.beside = beside
        self.notes = notes
        ratio = Spread(zip(paidan, other).map { $1 > 0 ? $0 / $1 : 0 })
        switch target {
        case .none:
            self.target = ""
            isMet = nil
        case .ratio(let least, let floor):
            self.target = "≥ \(least)" + (floor.map { ", ≥ \(Int($0))" } ?? "")
            isMet = ratio.median >= least && self.paidan.median >= floor ?? 0
        case .atMost(let most):
            self.target = "≤ \(most)"
            isMet = ratio.median <= most
        }
    }
}
