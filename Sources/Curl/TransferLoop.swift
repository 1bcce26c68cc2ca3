internal import CCurl
internal import Glibc
internal import OwnerThread

/// The owner thread's work: take requests, run them on one curl multi handle, give their answers.
@safe struct TransferLoop: ~Copyable {
    private static let initialised: CURLcode = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

    private let shared: Shared
    private var multi: UnsafeMutableRawPointer
    private var running: [UInt64: Transfer] = [:]
    private var waiting: [Operation] = []
    private var mails = MailCounter()
    private var hasConnections = false
    private var lastActive = ContinuousClock.now
    private var closing = false

    init(_ shared: Shared) {
        _ = Self.initialised
        self.shared = shared
        unsafe multi = Self.makeMulti(shared.configuration)
        blockSIGPIPE()
    }

    mutating func run() {
        shared.waker.use(address: UInt(bitPattern: unsafe multi))
        while true {
            takeIn()
            if closing && running.isEmpty { break }
            startWaiting()
            var alive: Int32 = 0
            _ = unsafe curl_multi_perform(multi, &alive)
            collect()
            // A finished transfer makes room for one that waits.
            if !waiting.isEmpty && running.count < shared.configuration.transfers { continue }
            closeIdleConnections()
            _ = unsafe curl_multi_poll(multi, nil, 0, pollTimeout, nil)
        }
        shared.waker.use(address: 0)
        _ = unsafe curl_multi_cleanup(multi)
    }

    private mutating func takeIn() {
        let (operations, closed) = shared.inbox.takeNow()
        waiting.append(contentsOf: operations)
        closing = closed
        for id in shared.takeCancelled() {
            // A mail ends by its progress callback: taking it out would make libcurl send the final dot, and so deliver
            // the half that was sent.
            guard let transfer = running[id], transfer.dialogue == nil else { continue }
            running[id] = nil
            finish(transfer, transfer.cancelled())
        }
    }

    private mutating func startWaiting() {
        guard !waiting.isEmpty else { return }
        let now = ContinuousClock.now
        var left: [Operation] = []
        for operation in waiting {
            if closing {
                answer(operation, CurlError(.closed, "the network client was closed before it was sent"))
            } else if operation.deadline <= now {
                answer(operation, CurlError(.timedOut, "the deadline passed before it was sent"))
            } else if running.count < shared.configuration.transfers {
                start(operation, within: operation.deadline - now)
            } else {
                left.append(operation)
            }
        }
        waiting = left
        shared.statistics.withLock { $0.running = running.count }
    }

    private mutating func start(_ operation: Operation, within time: Duration) {
        guard operation.start() else { return shared.leave(answered: false) }
        let transfer: Transfer
        do {
            transfer = try Transfer(operation, shared.configuration, within: time) { mails.isLast($0, of: $1) }
        } catch {
            return answer(operation, error)
        }
        hasConnections = true
        running[operation.id] = transfer
        guard unsafe curl_multi_add_handle(multi, transfer.easy) == CURLM_OK else {
            running[operation.id] = nil
            transfer.dispose()
            return answer(operation, CurlError(.other, "libcurl cannot start the transfer"))
        }
    }

    private func answer(_ operation: Operation, _ error: CurlError) {
        shared.leave(answered: false)
        operation.finish(.failure(error))
    }

    private mutating func collect() {
        var left: Int32 = 0
        while let message = unsafe curl_multi_info_read(multi, &left) {
            guard unsafe message.pointee.msg == CURLMSG_DONE, let easy = unsafe message.pointee.easy_handle else {
                continue
            }
            // The message dies with the handle's removal, so read it first.
            let code = unsafe paidan_curl_result(message)
            guard let id = unsafe Transfer.operationID(of: easy), let transfer = running.removeValue(forKey: id) else {
                continue
            }
            finish(transfer, transfer.result(code))
        }
    }

    private mutating func finish(_ transfer: Transfer, _ result: Result<Answer, CurlError>) {
        let connections = transfer.newConnections
        _ = unsafe curl_multi_remove_handle(multi, transfer.easy)
        transfer.dispose()
        lastActive = .now
        // libcurl keeps the connection of a mail that ends while its last reply is awaited; the next mail would take that
        // reply for its own.
        if transfer.dialogue?.isInStep == false { leaveConnections() }
        let answered = if case .success = result { true } else { false }
        shared.leave(answered: answered)
        shared.statistics.withLock {
            $0.connections += connections
            $0.running = running.count
        }
        transfer.operation.finish(result)
    }

    private var pollTimeout: Int32 {
        if let first = waiting.map(\.deadline).min() {
            return Int32(clamping: max(1, (first - .now).milliseconds))
        }
        if running.isEmpty && hasConnections { return Int32(clamping: shared.configuration.idle.milliseconds + 1) }
        return 600_000
    }

    /// libcurl closes old connections only when it looks for one to reuse.
    private mutating func closeIdleConnections() {
        guard hasConnections, running.isEmpty, waiting.isEmpty else { return }
        guard ContinuousClock.now - lastActive >= shared.configuration.idle else { return }
        leaveConnections()
    }

    /// To be called while nothing runs. Closing says QUIT to mail servers and waits for the answer, so it happens on a
    /// thread of its own.
    private mutating func leaveConnections() {
        let old = UInt(bitPattern: unsafe multi)
        unsafe multi = Self.makeMulti(shared.configuration)
        shared.waker.use(address: UInt(bitPattern: unsafe multi))
        hasConnections = false
        mails = MailCounter()
        startThread(named: "curl-close") {
            blockSIGPIPE()
            _ = unsafe curl_multi_cleanup(UnsafeMutableRawPointer(bitPattern: old))
        }
    }

    private static func makeMulti(_ configuration: CurlConfiguration) -> UnsafeMutableRawPointer {
        guard let multi = unsafe curl_multi_init() else { preconditionFailure("out of memory: curl_multi_init") }
        unsafe paidan_curl_multi_set_long(multi, CURLMOPT_MAX_HOST_CONNECTIONS, configuration.connectionsPerHost)
        unsafe paidan_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, max(16, configuration.transfers))
        return unsafe multi
    }
}

/// With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE alone, and OpenSSL writes without MSG_NOSIGNAL.
private func blockSIGPIPE() {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    unsafe sigaddset(&set, SIGPIPE)
    unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
}

extension Duration {
    /// Whole milliseconds, rounded up.
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}

/// Counts mails by server and user, so that a connection is given up in time.
struct MailCounter {
    private var sent: [String: Int] = [:]

    /// - Returns: true for each `limit`-th mail of that key.
    mutating func isLast(_ key: String, of limit: Int) -> Bool {
        let count = sent[key, default: 0] + 1
        sent[key] = count % limit
        return count % limit == 0
    }
}
