import Foundation

/// What the figures were measured on.
struct Machine: Codable {
    var cpu = ""
    var cores = 0
    var memoryMB = 0
    var kernel = ""
    var redis = ""
    var postgres = ""
    var loadAverage = 0.0
    /// Median and 99th percentile of 200 appends of 4 KiB with fdatasync in the servers' folder, ms.
    var fdatasyncMs = Spread()
    var isQuiet = true

    init(folder: String) throws {
        let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let model = info.split(separator: "\n").first { $0.hasPrefix("model name") }
        cpu = model?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces) ?? "unknown"
        cores = ProcessInfo.processInfo.activeProcessorCount
        memoryMB = Int(ProcessInfo.processInfo.physicalMemory >> 20)
        let log = folder + "/log"
        kernel = try Program.run("uname", ["-sr"], log: log).trimmingCharacters(in: .whitespacesAndNewlines)
        let words = try Program.run("redis-server", ["--version"], log: log).split(separator: " ")
        redis = words.first { $0.hasPrefix("v=") }.map { String($0.dropFirst(2)) } ?? "unknown"
        postgres = try Program.run("pg_config", ["--version"], log: log).trimmingCharacters(in: .whitespacesAndNewlines)
        loadAverage = Self.load
        fdatasyncMs = try Self.measureSync(folder + "/fdatasync")
        // Half a core beside our own start-up.
        isQuiet = loadAverage < 0.5 * Double(cores)
    }

    static var load: Double {
        let text = (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8)) ?? ""
        return text.split(separator: " ").first.flatMap { Double($0) } ?? 0
    }

    private static func measureSync(_ path: String) throws -> Spread {
        let file = open(path, O_CREAT | O_WRONLY | O_APPEND, 0o600)
        guard file >= 0 else { throw BenchError("cannot write to \(path)") }
        defer {
            close(file)
            unlink(path)
        }
        let page = [UInt8](repeating: 0x78, count: 4096)
        var times: [Double] = []
        for _ in 0..<200 {
            let start = ContinuousClock.now
            guard write(file, page, page.count) == page.count, fdatasync(file) == 0 else {
                throw BenchError("cannot write to \(path)")
            }
            times.append((ContinuousClock.now - start) / .milliseconds(1))
        }
        times.sort()
        return Spread(median: times[100], low: times[0], high: times[198])
    }

    var lines: [String] {
        var lines = [
            "\(cpu), \(cores) cores, \(memoryMB) MB, \(kernel); Redis \(redis), \(postgres)",
            String(
                format: "fdatasync of 4 KiB: median %.2f ms, p99 %.2f ms; load average %.2f", fdatasyncMs.median,
                fdatasyncMs.high, loadAverage),
        ]
        if fdatasyncMs.median < 0.02 {
            lines.append("The folder is in memory: what durability costs is not in these figures.")
        }
        if !isQuiet {
            lines.append(
                "WARNING: the machine is not quiet. Ratios of interleaved runs count, absolute figures do not.")
        }
        return lines
    }
}
