/// Distributes a digest's lines over as many messages as needed, in order, each line whole in exactly one.
enum Packing {
    /// - Parameters:
    ///   - sizes: bytes of each line with its line break.
    ///   - room: bytes for lines in one message. A line over it gets a message of its own, where it is cut.
    /// - Returns: at least one range; together they are `sizes.indices`.
    static func pack(_ sizes: [Int], room: Int) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = 0
        var used = 0
        for (index, size) in sizes.enumerated() {
            if index > start && used + size > room {
                ranges.append(start..<index)
                (start, used) = (index, 0)
            }
            used += size
        }
        return ranges + [start..<sizes.count]
    }
}
