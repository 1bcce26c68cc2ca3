/// Names of all keys of one queue; they share a hash tag, so that they lie on one slot.
struct Keys: Sendable {
    let queue: String

    private var base: String { "paidan:{\(queue)}:" }
    var ready: String { base + "ready" }
    func job(_ id: String) -> String { base + "job:" + id }

    /// In the order that `library.lua` declares. What hangs on an id (job, inflight, cancels, unique, idem) is reached
    /// by prefix in the functions themselves.
    var declared: [String] {
        ["ready", "suspect", "sessions", "delayed", "dead", "done", "crashes", "paused", "counters"].map { base + $0 }
    }

    // Limits of kinds count over all queues; their keys are named in `limits.lua`.

    /// ZSET of the registered processes, and what each says about itself.
    static let workers = "paidan:workers"
    static let workersInfo = "paidan:workers:info"
}

/// Keys of the seller list; the queue name `assign` is reserved for them.
public enum SellerListKeys {
    public static let list = "paidan:{assign}:list"
    public static let origin = "paidan:{assign}:origin"
    public static let reset = "paidan:{assign}:reset"
}
