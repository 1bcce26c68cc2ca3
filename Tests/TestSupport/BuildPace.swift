/// How the way the tests were built bears on their clocks.
public enum BuildPace {
    /// Factor for wall-clock bounds and divisor for bulk: 1, or 5 under the thread sanitizer.
    public static let slowness: Int = {
        #if PAIDAN_TSAN
        5
        #else
        1
        #endif
    }()
}
