internal import CCurl

/// One running transfer. Owns the easy handle; used on the owner thread only.
///
/// The loop keeps it alive while libcurl holds its address, and disposes of it after removing it from the multi handle.
@safe final class Transfer {
    let operation: Operation
    /// Valid until ``dispose()``.
    let easy: UnsafeMutableRawPointer
    private var lists: [UnsafeMutablePointer<curl_slist>] = unsafe []
    private var refusedOption: CURLoption?

    let upload: [UInt8]
    var uploaded = 0
    var download = Download()
    var dialogue: SMTPDialogue?
    var sawReply = false
    /// When the mail's fate was decided; libcurl may then still wait for an answer to QUIT.
    var decided: ContinuousClock.Instant?

    /// - Parameter isLastMail: told the server and user of a mail and how many a connection may carry.
    init(
        _ operation: Operation, _ configuration: CurlConfiguration, within time: Duration,
        isLastMail: (_ key: String, _ limit: Int) -> Bool
    ) throws(CurlError) {
        guard let easy = unsafe curl_easy_init() else { throw CurlError(.other, "out of memory") }
        self.operation = operation
        unsafe self.easy = unsafe easy
        switch operation.work {
        case .http(let request): upload = request.body
        case .smtp(let message): upload = message.data
        }
        setCommon(configuration, within: time)
        switch operation.work {
        case .http(let request): set(request)
        case .smtp(let message):
            let key = "\(message.url) \(message.credentials?.username ?? "")"
            set(message, isLast: isLastMail(key, configuration.mailsPerConnection))
        }
        if let refusedOption {
            dispose()
            throw CurlError(.other, "libcurl refuses option \(refusedOption.rawValue)")
        }
    }

    /// Frees the handle. Callbacks may still run in it, so it is not left to `deinit`.
    func dispose() {
        unsafe curl_easy_cleanup(easy)
        for index in unsafe lists.indices { unsafe curl_slist_free_all(lists[index]) }
        unsafe lists = unsafe []
    }

    static func operationID(of easy: UnsafeMutableRawPointer) -> UInt64? {
        var raw: UnsafeMutableRawPointer?
        unsafe paidan_curl_get_private(easy, &raw)
        guard let raw = unsafe raw else { return nil }
        return unsafe Unmanaged<Transfer>.fromOpaque(raw).takeUnretainedValue().operation.id
    }

    /// Connections opened for this transfer: 0 if a kept one served it.
    var newConnections: Int { info(CURLINFO_NUM_CONNECTS) }

    func info(_ which: CURLINFO) -> Int {
        var value = 0
        unsafe paidan_curl_get_long(easy, which, &value)
        return value
    }

    func size(_ which: CURLINFO) -> Int64 {
        var value: curl_off_t = 0
        unsafe paidan_curl_get_size(easy, which, &value)
        return Int64(value)
    }

    // MARK: Options. A refused one fails the transfer: some of them are what makes it safe.

    func set(_ option: CURLoption, _ value: Int) { check(option, unsafe paidan_curl_set_long(easy, option, value)) }

    func set(_ option: CURLoption, size: Int) {
        check(option, unsafe paidan_curl_set_size(easy, option, curl_off_t(size)))
    }

    /// libcurl copies the text.
    func set(_ option: CURLoption, _ text: String) {
        check(option, unsafe paidan_curl_set_string(easy, option, text))
    }

    func set(_ option: CURLoption, list: [String]) {
        var head: UnsafeMutablePointer<curl_slist>?
        for line in list { unsafe head = unsafe curl_slist_append(head, line) }
        guard let head = unsafe head else { return }
        unsafe lists.append(head)
        check(option, unsafe paidan_curl_set_list(easy, option, head))
    }

    private func check(_ option: CURLoption, _ code: CURLcode) {
        if code != CURLE_OK && refusedOption == nil { refusedOption = option }
    }

    private func setCommon(_ configuration: CurlConfiguration, within time: Duration) {
        let this = unsafe Unmanaged.passUnretained(self).toOpaque()
        for option in [CURLOPT_PRIVATE, CURLOPT_WRITEDATA, CURLOPT_HEADERDATA, CURLOPT_READDATA, CURLOPT_SEEKDATA] {
            check(option, unsafe paidan_curl_set_pointer(easy, option, this))
        }
        set(CURLOPT_NOSIGNAL, 1)
        // Ends a transfer in the middle of a name lookup without waiting for the lookup.
        set(CURLOPT_QUICK_EXIT, 1)
        set(CURLOPT_TIMEOUT_MS, max(1, time.milliseconds))
        set(CURLOPT_MAXAGE_CONN, configuration.idle.milliseconds / 1000)
        set(CURLOPT_FOLLOWLOCATION, 0)
        set(CURLOPT_SSL_VERIFYPEER, 1)
        set(CURLOPT_SSL_VERIFYHOST, 2)
        set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        setCallbacks()
    }

    func set(connectTimeout: Duration, proxy: String?, caFile: String?) {
        set(CURLOPT_CONNECTTIMEOUT_MS, max(1, connectTimeout.milliseconds))
        // Without these libcurl takes a proxy from the environment.
        set(CURLOPT_PROXY, proxy ?? "")
        set(CURLOPT_NOPROXY, proxy == nil ? "*" : "")
        if let caFile { set(CURLOPT_CAINFO, caFile) }
    }
}
