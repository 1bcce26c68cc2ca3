internal import Curl
internal import FoundationEssentials
internal import Observability

/// The answer of a provider that says what happened by `errcode`, whatever the HTTP status.
struct ProviderReply: Equatable {
    var status: Int
    /// Nil: the body has none that is a whole number, which is never a success.
    var errcode: Int?
    var errmsg: String
    /// The body is the gateway's punish page.
    var isPunished: Bool
    var retryAfter: Duration?

    private struct Body: Decodable {
        var errcode: Int
        var errmsg: String?
    }
    private struct Punish: Decodable {
        var status: Int?
        var punish: String?
    }
    private struct Message: Decodable { var errmsg: String? }

    init(_ response: HTTPResponse, now: Int64) {
        let decoder = JSONDecoder()
        let data = Data(response.body)
        let body = try? decoder.decode(Body.self, from: data)
        status = response.status
        errcode = body?.errcode
        errmsg = body?.errmsg ?? (try? decoder.decode(Message.self, from: data))?.errmsg ?? ""
        let punish = try? decoder.decode(Punish.self, from: data)
        isPunished = punish?.status != nil || punish?.punish != nil
        retryAfter = response.header("retry-after").flatMap { RetryAfter.parse($0, now: now) }
    }
}

enum RetryAfter {
    /// - Parameter now: milliseconds since 1970.
    /// - Returns: the wait, between 1 s and 1 h; nil if `text` is neither seconds nor a date.
    static func parse(_ text: String, now: Int64) -> Duration? {
        let wait: Duration
        if let seconds = Int(text), seconds >= 0 {
            wait = .seconds(min(seconds, 3600))
        } else if let date = CivilTime.httpDate(text) {
            wait = .milliseconds(date - now)
        } else {
            return nil
        }
        return min(max(wait, .seconds(1)), .seconds(3600))
    }
}

/// What an `errcode` means for the message.
enum Verdict: Equatable {
    case delivered
    /// The provider is busy; so many attempts in all.
    case busy(attempts: Int)
    /// Too many calls at once: again in a few seconds.
    case concurrent
    /// Nothing with this key for so long.
    case paused(Duration)
    /// Nothing with this key before the next day in China.
    case pausedUntilMidnight
    case permanent(Outcome.Kind, hint: String)
}

/// A provider's table of codes, as data.
struct VerdictTable {
    var rows: [(codes: ClosedRange<Int>, verdict: Verdict)]
    /// What the punish page without `errcode`, and HTTP 429 without `Retry-After`, mean.
    var throttled: Duration
    /// Words in the hint for codes that no row lists.
    var provider: String

    subscript(code: Int) -> Verdict? { rows.first { $0.codes.contains(code) }?.verdict }

    /// - Parameters:
    ///   - key: the channel's ``Channel/keyFingerprint``.
    ///   - now: milliseconds since 1970.
    func outcome(_ reply: ProviderReply, key: String, now: Int64, redactor: Redactor) -> Outcome {
        func why(_ code: String, attempts: Int? = nil) -> Outcome.Why {
            .init(code: code, text: String(redactor.redact(reply.errmsg).prefix(200)), attempts: attempts)
        }
        func limited(_ pause: Duration, _ code: String) -> Outcome {
            .rateLimited(key: key, until: now + Int64(pause / .milliseconds(1)), why: why(code))
        }
        guard let errcode = reply.errcode, errcode != 0 || (200..<300).contains(reply.status) else {
            if reply.isPunished { return limited(throttled, "punish") }
            return statusOutcome(reply, why: { why($0, attempts: $1) }, limited: limited)
        }
        switch self[errcode] {
        case .delivered:
            // WeCom answers 0 and drops fields of the wrong type. Sending again would repeat the rest.
            let alarm = reply.errmsg.contains("wrong json format")
            return .delivered(id: nil, alarm: alarm ? why("0").text : nil)
        case .busy(let attempts): return .retry(after: reply.retryAfter, why: why("\(errcode)", attempts: attempts))
        case .concurrent: return .retry(after: .seconds(3), why: why("\(errcode)"))
        case .paused(let pause): return limited(pause, "\(errcode)")
        case .pausedUntilMidnight:
            return .rateLimited(key: key, until: CivilTime.nextMidnight(after: now), why: why("\(errcode)"))
        case .permanent(let kind, let hint):
            let text = why("").text
            return .permanent(kind: kind, code: "\(errcode)", hint: text.isEmpty ? hint : "\(hint)（\(text)）")
        case nil: return .retry(after: reply.retryAfter, why: why("\(errcode)", attempts: 3))
        }
    }

    private func statusOutcome(
        _ reply: ProviderReply, why: (String, Int?) -> Outcome.Why, limited: (Duration, String) -> Outcome
    ) -> Outcome {
        let code = "http-\(reply.status)"
        switch reply.status {
        case 200..<300: return .retry(after: nil, why: why("no-errcode", 3))
        case 429: return limited(reply.retryAfter ?? throttled, code)
        case 500...: return .retry(after: reply.retryAfter, why: why(code, nil))
        case 408, 425: return .retry(after: reply.retryAfter, why: why(code, nil))
        case 300..<400:
            return .permanent(kind: .config, code: code, hint: "\(provider)地址返回跳转，请检查 url 设置")
        default: return .permanent(kind: .config, code: code, hint: "\(provider)拒绝了请求，请检查 url 设置")
        }
    }

    /// What a failed transfer means: certainly not received → again; perhaps received → a repeat is possible.
    func outcome(_ error: CurlError) -> Outcome {
        let why = Outcome.Why(code: error.code.description, text: error.message)
        if error.mayHaveRun { return .ambiguous(why: why) }
        if error.code == .invalid {
            return .permanent(kind: .config, code: error.code.description, hint: "\(provider)地址无法使用，请检查 url 设置")
        }
        return .retry(after: nil, why: why)
    }
}
