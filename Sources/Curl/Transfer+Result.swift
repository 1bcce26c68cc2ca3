internal import CCurl

extension Transfer {
    /// The answer after libcurl ended the transfer with `code`.
    func result(_ code: CURLcode) -> Result<Answer, CurlError> {
        if let dialogue { return mailResult(dialogue, code) }
        if code == CURLE_OK {
            let status = info(CURLINFO_RESPONSE_CODE)
            return .success(.http(HTTPResponse(status: status, headers: download.headers, body: download.body)))
        }
        if download.isTooLarge {
            return .failure(CurlError(.tooLarge, "the response is longer than allowed", mayHaveRun: true))
        }
        return .failure(CurlError(curl: code, mayHaveRun: httpMayHaveRun(code)))
    }

    /// The answer to a request when the caller no longer wants one.
    func cancelled() -> Result<Answer, CurlError> {
        let mayHaveRun = httpMayHaveRun(CURLE_ABORTED_BY_CALLBACK)
        return .failure(CurlError(.cancelled, "cancelled while it was sent", mayHaveRun: mayHaveRun))
    }

    /// Goes by the server's replies; libcurl's code only tells why there is none.
    private func mailResult(_ dialogue: SMTPDialogue, _ code: CURLcode) -> Result<Answer, CurlError> {
        if let report = dialogue.report { return .success(.smtp(report)) }
        switch dialogue.fault {
        case .authNotOffered:
            return .failure(CurlError(.authNotOffered, "the mail server does not offer AUTH, but a username is set"))
        case .notAuthenticated:
            return .failure(CurlError(.authNotOffered, "the mail server took the mail's envelope without a login"))
        case nil: break
        }
        if code == CURLE_OK {
            return .failure(CurlError(.other, "the mail server's replies are out of step", mayHaveRun: true))
        }
        if code == CURLE_ABORTED_BY_CALLBACK && operation.isCancelled {
            let mayHaveRun = dialogue.isUnconfirmed
            return .failure(CurlError(.cancelled, "cancelled while it was sent", mayHaveRun: mayHaveRun))
        }
        return .failure(CurlError(curl: code, mayHaveRun: dialogue.isUnconfirmed))
    }
}

extension CurlError {
    init(curl code: CURLcode, mayHaveRun: Bool) {
        let (kind, what): (Code, String) =
            switch code {
            case CURLE_OPERATION_TIMEDOUT: (.timedOut, "no answer in time")
            case CURLE_COULDNT_RESOLVE_HOST: (.unreachable, "the host's name does not resolve")
            case CURLE_COULDNT_RESOLVE_PROXY: (.unreachable, "the proxy's name does not resolve")
            case CURLE_COULDNT_CONNECT: (.unreachable, "nobody accepts the connection")
            case CURLE_PROXY: (.unreachable, "the proxy refuses the connection")
            case CURLE_SSL_CONNECT_ERROR: (.tls, "the TLS handshake failed")
            case CURLE_PEER_FAILED_VERIFICATION: (.certificate, "the server's certificate is not trusted")
            case CURLE_SSL_CACERT_BADFILE: (.certificate, "the CA file cannot be read")
            case CURLE_USE_SSL_FAILED: (.tlsNotOffered, "the mail server does not offer STARTTLS")
            case CURLE_LOGIN_DENIED: (.loginDenied, "the mail server offers no way to log in that libcurl knows")
            case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT: (.invalid, "the URL cannot be used")
            case CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE, CURLE_SEND_FAIL_REWIND:
                (.dropped, "the connection was lost")
            default: (.other, "the transfer failed")
            }
        self.init(kind, "\(what) (curl \(code.rawValue))", mayHaveRun: mayHaveRun)
    }
}
