internal import CCurl

extension Transfer {
    /// - Parameter isLast: the connection is closed after this mail.
    func set(_ message: SMTPMessage, isLast: Bool) {
        dialogue = SMTPDialogue(
            startTLS: !message.startsWithTLS, credentials: message.credentials != nil,
            recipients: message.recipients.count)
        set(CURLOPT_PROTOCOLS_STR, "smtp,smtps")
        set(CURLOPT_URL, "\(message.url)/\(message.helloName)")
        set(connectTimeout: message.connectTimeout, proxy: message.proxy, caFile: message.caFile)
        if message.proxy != nil { set(CURLOPT_HTTPPROXYTUNNEL, 1) }
        set(CURLOPT_USE_SSL, Int(CURLUSESSL_ALL.rawValue))
        set(CURLOPT_SERVER_RESPONSE_TIMEOUT, max(1, message.replyTimeout.milliseconds / 1000))
        if let credentials = message.credentials {
            set(CURLOPT_USERNAME, credentials.username)
            set(CURLOPT_PASSWORD, credentials.password)
            // Some servers send no challenge before the response; libcurl may then send it at once (RFC 4954).
            set(CURLOPT_SASL_IR, 1)
        }
        set(CURLOPT_MAIL_FROM, "<\(message.sender)>")
        set(CURLOPT_MAIL_RCPT, list: message.recipients.map { "<\($0)>" })
        set(CURLoption(UInt32(PAIDAN_MAIL_RCPT_ALLOWFAILS)), 1)
        set(CURLOPT_UPLOAD, 1)
        set(CURLOPT_INFILESIZE_LARGE, size: message.data.count)
        if isLast { set(CURLOPT_FORBID_REUSE, 1) }
        setProgress()
    }

    /// Ends a cancelled mail, also while libcurl waits for the final reply (it looks here once a second), and the wait
    /// for an answer to QUIT.
    private func setProgress() {
        set(CURLOPT_NOPROGRESS, 0)
        let this = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe paidan_curl_set_pointer(easy, CURLOPT_XFERINFODATA, this)
        unsafe paidan_curl_set_progress(easy) { raw, _, _, _, _ in
            let transfer = unsafe Unmanaged<Transfer>.fromOpaque(raw!).takeUnretainedValue()
            guard let decided = transfer.decided, transfer.dialogue?.isDecided == true else {
                return transfer.operation.isCancelled ? 1 : 0
            }
            return ContinuousClock.now - decided > .seconds(2) ? 1 : 0
        }
    }
}
