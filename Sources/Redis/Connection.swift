internal import CHiredis
internal import Glibc

/// One socket to the server and hiredis' reply parser. Owns the `redisContext` and frees it once.
///
/// hiredis connects and parses; bytes are sent here, because its `redisBufferWrite` uses write(2), which raises SIGPIPE
/// when the server is gone. Nothing blocks; give a host by its address, not by its name.
@safe struct Connection: ~Copyable {
    enum Transfer {
        case bytes(Int)
        /// The socket is not ready.
        case blocked
        /// The connection is unusable.
        case ended(String)
    }

    /// Bytes of one `receive()` at most.
    static let bufferSize = 65536

    private let context: UnsafeMutablePointer<redisContext>
    private let buffer: UnsafeMutableRawPointer

    /// Starts to connect; poll the descriptor for writing, then ask `connectFailure()`.
    init(to address: RedisConfiguration.Address) throws(ConnectFailure) {
        let made =
            switch address {
            case .tcp(let host, let port): unsafe redisConnectNonBlock(host, Int32(port))
            case .unix(let path): unsafe redisConnectUnixNonBlock(path)
            }
        guard let context = unsafe made else { throw ConnectFailure(reason: "out of memory") }
        if unsafe context.pointee.err != 0 {
            let reason = unsafe text(&context.pointee.errstr)
            unsafe redisFree(context)
            throw ConnectFailure(reason: reason)
        }
        unsafe self.context = context
        unsafe buffer = .allocate(byteCount: Self.bufferSize, alignment: 16)
        // A child process must not hold the connection open.
        _ = unsafe fcntl(context.pointee.fd, F_SETFD, FD_CLOEXEC)
    }

    deinit {
        unsafe redisFree(context)
        unsafe buffer.deallocate()
    }

    var descriptor: Int32 { unsafe context.pointee.fd }

    /// Why connecting failed, once the descriptor is writable; `nil` when it is connected.
    func connectFailure() -> String? {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        if unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) != 0 { code = errno }
        return code == 0 ? nil : errorText(code)
    }

    /// For TCP: small writes leave at once, and a peer that vanished is noticed on an idle connection.
    func setTCPOptions() {
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        _ = unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
        _ = unsafe redisEnableKeepAlive(context)
    }

    func send(_ bytes: ArraySlice<UInt8>) -> Transfer {
        let count = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        return transfer(count)
    }

    /// Reads what is there, 64 KiB at most, into the parser.
    func receive() -> Transfer {
        let count = unsafe recv(descriptor, buffer, Self.bufferSize, 0)
        if count == 0 { return .ended("the server closed the connection") }
        if count > 0 {
            let bytes = unsafe buffer.assumingMemoryBound(to: CChar.self)
            if unsafe redisReaderFeed(context.pointee.reader, bytes, count) != REDIS_OK {
                return .ended(parserError)
            }
        }
        return transfer(count)
    }

    /// The next whole reply that was received, `nil` if there is none yet.
    ///
    /// - Throws: when the bytes are not RESP2.
    func nextReply() throws(ConnectFailure) -> RedisReply? {
        var raw: UnsafeMutableRawPointer?
        guard unsafe redisReaderGetReply(context.pointee.reader, &raw) == REDIS_OK else {
            throw ConnectFailure(reason: parserError)
        }
        guard let raw = unsafe raw else { return nil }
        defer { unsafe freeReplyObject(raw) }
        return unsafe RedisReply(copying: raw.assumingMemoryBound(to: redisReply.self))
    }

    private var parserError: String {
        let error = unsafe text(&context.pointee.reader.pointee.errstr)
        return "unreadable reply: \(error)"
    }

    private func transfer(_ count: Int) -> Transfer {
        if count >= 0 { return .bytes(count) }
        let code = errno
        return code == EAGAIN || code == EINTR ? .blocked : .ended(errorText(code))
    }
}

struct ConnectFailure: Error {
    let reason: String
}

extension RedisReply {
    /// Copies hiredis' tree; the caller frees it.
    @unsafe fileprivate init(copying raw: UnsafePointer<redisReply>) {
        let reply = unsafe raw.pointee
        switch unsafe reply.type {
        case REDIS_REPLY_INTEGER:
            self = unsafe .integer(reply.integer)
        case REDIS_REPLY_STRING:
            self = unsafe .bytes([UInt8](UnsafeRawBufferPointer(start: reply.str, count: reply.len)))
        case REDIS_REPLY_STATUS:
            self = unsafe .status(
                String(decoding: UnsafeRawBufferPointer(start: reply.str, count: reply.len), as: UTF8.self))
        case REDIS_REPLY_ERROR:
            self = unsafe .error(
                String(decoding: UnsafeRawBufferPointer(start: reply.str, count: reply.len), as: UTF8.self))
        case REDIS_REPLY_ARRAY:
            var replies: [RedisReply] = []
            unsafe replies.reserveCapacity(reply.elements)
            for index in unsafe 0..<reply.elements {
                if let element = unsafe reply.element[index] { unsafe replies.append(RedisReply(copying: element)) }
            }
            self = .array(replies)
        default:
            self = .null
        }
    }
}

@unsafe private func text(_ reply: redisReply) -> String {
    unsafe String(decoding: UnsafeRawBufferPointer(start: reply.str, count: reply.len), as: UTF8.self)
}

/// A C string kept in a fixed array.
private func text<Characters>(_ characters: inout Characters) -> String {
    unsafe withUnsafeBytes(of: &characters) { unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

private func errorText(_ code: Int32) -> String {
    unsafe String(cString: strerror(code))
}
