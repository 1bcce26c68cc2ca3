import Channels
import Curl
import Foundation
import Observability
import TestSupport

/// 2026-11-25 09:31:00 in China.
let testNow: Int64 = 1_795_570_260_000

func items(_ count: Int, name: (Int) -> String = { "示例客户\($0)" }) -> [Digest.Item] {
    (0..<count).map {
        Digest.Item(
            delivery: Int64($0), label: "分配", subject: name($0), qq: "10086\(1000 + $0)", target: "张三", time: "09:31")
    }
}

func digest(_ items: [Digest.Item], mentions: [Digest.Mention] = [], link: String? = "https://crm.example.com/b/12")
    -> Digest
{
    Digest(id: "evt_1|robot|group|0", title: "线索分配", items: items, link: link, mentions: mentions, at: testNow)
}

func object(_ body: FrozenBody) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(body.bytes)) as? [String: Any] ?? [:]
}

/// Like `content` of `markdown`.
func text(_ body: FrozenBody, _ field: String = "content") throws -> String {
    let all = try object(body)
    let inner = all[all["msgtype"] as? String ?? ""] as? [String: Any]
    return inner?[field] as? String ?? ""
}

let wecomKey = "canary-wecom-693a91f6-0000-4a5b"
let dingtalkToken = "canary-dingtalk-token-0f1e2d"
let dingtalkSecret = "SECcanary0dingtalk0secret"

func wecom(_ base: String, _ client: CurlClient = CurlClient(), timeout: Duration = .seconds(20)) throws -> WeComRobot {
    var settings = WeComRobotSettings(url: Secret("\(base)/cgi-bin/webhook/send?key=\(wecomKey)"))
    settings.options.timeout = timeout
    return try WeComRobot(name: "group", settings: settings, client: client) { testNow }
}

func dingtalk(
    _ base: String, secret: String? = dingtalkSecret, keywords: [String] = [],
    now: @escaping @Sendable () -> Int64 = { testNow }
) throws -> DingTalkRobot {
    var settings = DingTalkRobotSettings(url: Secret("\(base)/robot/send?access_token=\(dingtalkToken)"))
    settings.secret = secret.map { Secret($0) }
    settings.keywords = keywords
    return try DingTalkRobot(name: "ding", settings: settings, client: CurlClient(), now: now)
}

/// Kind and code, for tables.
func summary(_ outcome: Outcome) -> String {
    switch outcome {
    case .delivered(_, let alarm): alarm == nil ? "delivered" : "delivered alarm"
    case .accepted: "accepted"
    case .partial(let ok, let dead): "partial \(ok.count) \(dead.count)"
    case .retry(let after, let why):
        "retry \(why.code)" + (after.map { " after \($0 / .seconds(1))" } ?? "")
            + (why.attempts.map { " max \($0)" } ?? "")
    case .rateLimited(_, let until, let why): "limited \(why.code) \((until - testNow) / 1000)"
    case .tokenRejected: "token"
    case .ambiguous: "ambiguous"
    case .permanent(let kind, let code, _): "\(kind) \(code)"
    }
}
