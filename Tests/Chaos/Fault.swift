/// One thing that goes wrong.
enum Fault: Sendable, Hashable {
    /// `kill -9` of any worker.
    case kill
    /// A worker that ends itself with SIGKILL at a named line of the program.
    case crash(String)
    /// SIGSTOP of any worker for longer than its lease.
    case freeze
    /// A worker that stops itself at a named line, for longer than its lease.
    case freezeAt(String)
    /// `kill -9` of Redis, which comes back with its append-only file.
    case redis
    /// `pg_ctl stop -m immediate` of PostgreSQL, which comes back with its log.
    case postgres
    /// FLUSHALL.
    case flush

    enum Family: String, Sendable, CaseIterable { case kill, freeze, redis, postgres, flush }

    var family: Family {
        switch self {
        case .kill, .crash: .kill
        case .freeze, .freezeAt: .freeze
        case .redis: .redis
        case .postgres: .postgres
        case .flush: .flush
        }
    }

    /// Under which it is counted.
    var name: String {
        if case .crash = self { return "crash" }
        return family.rawValue
    }

    var text: String {
        switch self {
        case .kill: "kill"
        case .crash(let place): "crash at \(place)"
        case .freeze: "freeze"
        case .freezeAt(let place): "freeze at \(place)"
        case .redis: "redis"
        case .postgres: "postgres"
        case .flush: "flush"
        }
    }
}

/// The guarantee that the program goes without.
enum Control: String, Sendable, CaseIterable {
    case none
    case noReceipt = "no-receipt"
    case receiptApart = "receipt-apart"
    case plainPop = "plain-pop"
}
