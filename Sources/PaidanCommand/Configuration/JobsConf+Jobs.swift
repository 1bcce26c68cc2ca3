import Foundation
import Jobs

extension JobsConf {
    /// Queues that are there even if the file names none: the shipped kinds use them.
    private static let defaultQueues = ["critical": 6, "default": 3, "bulk": 1]
    /// `assign` is the hash tag of the seller list.
    private static let reservedQueues: Set = ["assign"]
    /// Kinds of jobs that the file may speak of (contract of the service; some come with later releases).
    static let knownKinds: Set = [
        "import.batch", "import.undo", "customer.assign", "pool.sweep", "pool.remind", "seller.offboard", "notify.send",
        "reconcile", "survey.open", "survey.remind", "survey.close", "booking.remind", "noop",
    ]

    mutating func readJobs(_ root: inout ConfTable) {
        var table = root.subtable("worker")
        worker.concurrency = table.integer("concurrency", default: worker.concurrency, in: 1...10_000)
        worker.lease = table.duration("lease", default: worker.lease, in: .seconds(3)...(.seconds(300)))
        worker.drain = table.duration("drain", default: worker.drain, in: .zero...(.seconds(3600)))
        table.finish()
        readQueues(&root)
        readKinds(&root)
        readSchedules(&root)
    }

    private mutating func readQueues(_ root: inout ConfTable) {
        var table = root.subtable("queues")
        var weights = Self.defaultQueues
        for name in table.names {
            var queue = table.subtable(name)
            let weight = queue.integer("weight", default: 1, in: 1...1000)
            queue.finish()
            if Self.reservedQueues.contains(name) {
                table.note(name, "is a reserved name")
            } else if name.wholeMatch(of: /[a-z0-9_-]{1,32}/) == nil {
                table.note(name, "must be 1 to 32 of a-z 0-9 _ -")
            } else {
                weights[name] = weight
            }
        }
        queues = weights.sorted { $0.key < $1.key }.map { Queue(name: $0.key, weight: $0.value) }
    }

    private mutating func readKinds(_ root: inout ConfTable) {
        var table = root.subtable("kinds")
        for name in table.names {
            var kind = table.subtable(name)
            var entry = KindOverride()
            if kind.has("enabled") { entry.enabled = kind.boolean("enabled", default: true) }
            entry.queue = kind.optional("queue")
            entry.maxAttempts = kind.optionalInteger("max_attempts", in: 1...1000)
            if kind.has("timeout") {
                entry.timeout = kind.duration("timeout", default: .seconds(60), in: .seconds(1)...(.seconds(86_400)))
            }
            entry.concurrency = kind.optionalInteger("concurrency", in: 1...10_000)
            if let text = kind.optional("rate") {
                entry.rate = Rate(conf: text)
                if entry.rate == nil {
                    kind.note("rate", "must be \"COUNT/TIME\" such as \"100/1m\", 1 to 100000 in 1s to 1d")
                }
            }
            kind.finish()
            if !Self.knownKinds.contains(name) { table.note(name, "is an unknown kind of job") }
            if let queue = entry.queue, !queues.contains(where: { $0.name == queue }) {
                kind.note("queue", "names the queue \"\(queue)\", which [queues] does not have")
            }
            kinds[name] = entry
        }
    }

    private mutating func readSchedules(_ root: inout ConfTable) {
        var table = root.subtable("schedules")
        for name in table.names {
            var entry = table.subtable(name)
            let cron = entry.required("cron")
            let kind = entry.required("kind")
            let args = entry.string("args", default: "{}")
            let zone = entry.string("timezone", default: timezone)
            let catchUp = entry.boolean("catch_up", default: true)
            entry.finish()
            if !Self.isScheduleName(name) {
                table.note(name, "must be a name of 1 to 64 characters, without / and control characters, not . or ..")
            }
            if !cron.isEmpty {
                do { _ = try Cron(cron) } catch { entry.note("cron", "\(error)") }
            }
            if !kind.isEmpty, !Self.knownKinds.contains(kind) {
                entry.note("kind", "\"\(kind)\" is an unknown kind of job")
            }
            if ScheduleZone(zone) == nil { entry.note("timezone", "\"\(zone)\" is no known time zone") }
            if !args.isJSONObject {
                entry.note("args", "must be a JSON object in a string, such as '{\"dry_run\": true}'")
            }
            schedules.append(
                Schedule(name: name, cron: cron, kind: kind, args: args, timezone: zone, catchUp: catchUp))
        }
    }
}

extension Rate {
    /// - Parameter text: `100/1m`; 1 to 100,000 in 1 s to 1 day.
    fileprivate init?(conf text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = Int(parts[0]), (1...100_000).contains(count),
            let window = Quantity.duration(String(parts[1])), window >= .seconds(1), window <= .seconds(86_400)
        else { return nil }
        self.init(count, per: window)
    }
}

extension JobsConf {
    /// Names stand in paths (`/v1/schedules/{name}/run`), in logs and on terminals.
    private static func isScheduleName(_ name: String) -> Bool {
        (1...64).contains(name.count) && name != "." && name != ".." && !name.contains("/")
            && name == name.trimmingCharacters(in: .whitespacesAndNewlines)
            && !name.unicodeScalars.contains { CharacterSet.controlCharacters.contains($0) }
    }
}

extension String {
    /// True for the text of one JSON object.
    var isJSONObject: Bool {
        (try? JSONDecoder().decode([String: IgnoredJSON].self, from: Data(utf8))) != nil
    }
}

/// Any JSON value, not kept.
private struct IgnoredJSON: Decodable {
    init(from decoder: any Decoder) throws {}
}
