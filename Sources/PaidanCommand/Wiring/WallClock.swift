import Foundation

/// This machine's clock and zone; business times come from the stores.
enum WallClock {
    /// Since 1970-01-01T00:00:00Z.
    static func milliseconds() -> Int { Int(Date().timeIntervalSince1970 * 1000) }

    /// Offset of a zone at a moment, in seconds east of UTC.
    static func offset(in zone: String) -> @Sendable (Int64) -> Int {
        let zone = TimeZone(identifier: zone) ?? .gmt
        return { milliseconds in
            zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(milliseconds) / 1000))
        }
    }
}
