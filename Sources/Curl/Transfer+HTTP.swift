internal import CCurl

/// The response as far as it came.
struct Download {
    var body: [UInt8] = []
    var headers: [(name: String, value: String)] = []
    var limit = 65_536
    private(set) var isTooLarge = false
    private var headerBytes = 0

    /// - Returns: false if the limit is passed.
    mutating func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard body.count + bytes.count <= limit else {
            isTooLarge = true
            return false
        }
        unsafe body.append(contentsOf: bytes)
        return true
    }

    mutating func header(_ line: [UInt8]) {
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") { headers = [] }  // an interim response came before
        headerBytes += line.count
        guard headerBytes <= 65_536, let colon = text.firstIndex(of: ":") else { return }
        let value = text[text.index(after: colon)...].trimming { $0 == " " || $0 == "\t" || $0.isNewline }
        headers.append((text[..<colon].lowercased(), String(value)))
    }
}

extension Substring {
    fileprivate func trimming(_ isOuter: (Character) -> Bool) -> Substring {
        var rest = self.drop(while: isOuter)
        while let last = rest.last, isOuter(last) { rest.removeLast() }
        return rest
    }
}

extension Transfer {
    func set(_ request: HTTPRequest) {
        set(CURLOPT_PROTOCOLS_STR, request.httpsOnly ? "https" : "http,https")
        set(CURLOPT_URL, request.url)
        set(connectTimeout: request.connectTimeout, proxy: request.proxy, caFile: request.caFile)
        set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        set(CURLOPT_USERAGENT, "paidan")
        download.limit = request.responseLimit
        var lines = request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        if request.method != "GET" || !request.body.isEmpty {
            set(CURLOPT_POST, 1)
            set(CURLOPT_POSTFIELDSIZE_LARGE, size: request.body.count)
            lines.append("Expect:")  // no pause for 100-continue
            if !request.headers.contains(where: { $0.name.lowercased() == "content-type" }) {
                lines.append("Content-Type:")  // not the default of HTML forms
            }
            // Nothing to rewind, so the guard in setCallbacks() would not hold.
            if request.body.isEmpty { set(CURLOPT_FRESH_CONNECT, 1) }
        }
        if request.method != "GET" && request.method != "POST" { set(CURLOPT_CUSTOMREQUEST, request.method) }
        set(CURLOPT_HTTPHEADER, list: lines)
    }

    /// True once a byte of the request itself may have left, as opposed to a proxy's CONNECT.
    func httpMayHaveRun(_ code: CURLcode) -> Bool {
        switch code {
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST,
            CURLE_COULDNT_CONNECT, CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
            CURLE_PROXY:
            return false
        default:
            guard info(CURLINFO_REQUEST_SIZE) > 0 else { return false }
            guard case .http(let request) = operation.work, request.url.lowercased().hasPrefix("https:") else {
                return true
            }
            return newConnections == 0 || size(CURLINFO_APPCONNECT_TIME_T) > 0
        }
    }
}
