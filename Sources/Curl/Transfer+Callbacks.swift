internal import CCurl

extension Transfer {
    /// The C functions find their transfer by the address given to libcurl and never throw or block.
    func setCallbacks() {
        unsafe paidan_curl_set_write(easy) { bytes, size, count, raw in
            let transfer = unsafe Unmanaged<Transfer>.fromOpaque(raw!).takeUnretainedValue()
            return transfer.receive(unsafe RawSpan(_unsafeStart: bytes!, byteCount: size * count))
        }
        unsafe paidan_curl_set_header(easy) { bytes, size, count, raw in
            let transfer = unsafe Unmanaged<Transfer>.fromOpaque(raw!).takeUnretainedValue()
            return transfer.receiveLine(unsafe Array(UnsafeRawBufferPointer(start: bytes, count: size * count)))
        }
        unsafe paidan_curl_set_read(easy) { buffer, size, count, raw in
            let transfer = unsafe Unmanaged<Transfer>.fromOpaque(raw!).takeUnretainedValue()
            return unsafe transfer.send(into: UnsafeMutableRawBufferPointer(start: buffer, count: size * count))
        }
        // When a kept connection turns out dead, libcurl would send the body again by itself, though the server may
        // have acted on the first one. A body that cannot be rewound makes that an error.
        unsafe paidan_curl_set_seek(easy) { _, _, _ in CURL_SEEKFUNC_FAIL }
    }

    private func receive(_ bytes: RawSpan) -> Int {
        unsafe bytes.withUnsafeBytes { unsafe download.append($0) ? $0.count : 0 }
    }

    private func receiveLine(_ line: [UInt8]) -> Int {
        guard dialogue != nil else {
            download.header(line)
            return line.count
        }
        if !sawReply {
            sawReply = true
            if newConnections == 0 { dialogue?.continueSession() }
        }
        let action = dialogue?.read(line)
        if decided == nil, dialogue?.isDecided == true {
            decided = .now
            // After a refusal the session is out of step: the next mail starts a new one.
            if dialogue?.report?.isAccepted != true { set(CURLOPT_FORBID_REUSE, 1) }
        }
        return action == .abort ? 0 : line.count
    }

    private func send(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, upload.count - uploaded)
        unsafe upload.withUnsafeBytes { source in
            unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[uploaded..<(uploaded + count)]))
        }
        uploaded += count
        return count
    }
}
