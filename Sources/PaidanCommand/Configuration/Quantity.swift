/// Durations and sizes as jobs.conf and the command line write them.
enum Quantity {
    /// `250ms`, `15s`, `5m`, `2h`, `90d`, or `0`.
    static func duration(_ text: String) -> Duration? {
        if text == "0" { return .zero }
        let units: [(String, Int64)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
        return scaled(text, units).map { .milliseconds($0) }
    }

    /// `200MB`: bytes, in steps of 1,024 (`KB`, `MB`, `GB`, also written `KiB`, `MiB`, `GiB`), or a bare `B`.
    static func size(_ text: String) -> Int? {
        let units: [(String, Int64)] = [
            ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30),
            ("B", 1),
        ]
        return scaled(text, units).map { Int($0) }
    }

    private static func scaled(_ text: String, _ units: [(String, Int64)]) -> Int64? {
        for (unit, factor) in units where text.hasSuffix(unit) {
            let digits = text.dropLast(unit.count)
            guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int64(digits) else { continue }
            let (product, overflow) = number.multipliedReportingOverflow(by: factor)
            return overflow ? nil : product
        }
        return nil
    }
}

extension Duration {
    /// As `Quantity.duration` reads it.
    var short: String {
        let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
        let units: [(String, Int64)] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
        for (unit, factor) in units where milliseconds != 0 && milliseconds % factor == 0 {
            return "\(milliseconds / factor)\(unit)"
        }
        return milliseconds == 0 ? "0" : "\(milliseconds)ms"
    }
}
