import Foundation

/// What a process holds, as the kernel counts it.
struct ProcessUse: CustomStringConvertible {
    /// Memory that is its own, in KiB.
    let privateMemory: Int
    /// Its share of memory in KiB: its own and its part of what it shares.
    let share: Int
    let openFiles: Int
    let threads: Int

    init(of pid: Int32) throws {
        let memory = try String(contentsOfFile: "/proc/\(pid)/smaps_rollup", encoding: .utf8)
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        // Clean pages are those of the program's file: they are private while nobody else runs it.
        privateMemory = Self.number("Private_Dirty", in: memory)
        share = Self.number("Pss", in: memory)
        openFiles = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count
        threads = Self.number("Threads", in: status)
    }

    private static func number(_ name: String, in text: String) -> Int {
        let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
        return (line ?? "").split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
    }

    var description: String {
        "private \(privateMemory) KiB, PSS \(share) KiB, \(openFiles) files, \(threads) threads"
    }
}
