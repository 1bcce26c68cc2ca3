extension DingTalkRobot {
    /// The provider's error codes. Beyond 20 a minute the robot is throttled for 10 minutes, whatever `wait` says.
    static let table = VerdictTable(
        rows: [
            (0...0, .delivered),
            (-1 ... -1, .busy(attempts: 3)),
            (130_101...130_101, .paused(.seconds(610))),
            (410_100...410_100, .paused(.seconds(610))),
            (90_030...90_030, .pausedUntilMidnight),
            (310_000...310_000, .permanent(.config, hint: "钉钉机器人的安全设置拒绝了消息")),
            (300_001...300_001, .permanent(.config, hint: "access_token 不存在，或消息缺少参数")),
            (400_013...400_013, .permanent(.config, hint: "群已解散")),
            (400_101...400_101, .permanent(.config, hint: "access_token 不存在")),
            (400_102...400_102, .permanent(.config, hint: "机器人已停用")),
            (400_105...400_105, .permanent(.config, hint: "不支持的消息类型")),
            (400_106...400_106, .permanent(.config, hint: "机器人不存在")),
            (400_000...400_999, .permanent(.content, hint: "消息缺少参数或参数不正确")),
            (460_101...460_101, .permanent(.content, hint: "消息过长")),
            (101_002...101_002, .permanent(.content, hint: "消息过长")),
            (430_101...430_104, .permanent(.content, hint: "消息含有不安全的链接、文字或图片")),
        ],
        throttled: .seconds(610), provider: "钉钉机器人")

    static let timestampHint = "时间戳无效，请检查本机时钟："

    /// 310000 covers four faults of the robot's security settings; only the text tells them apart.
    static func hint(for errmsg: String) -> String {
        let text = errmsg.lowercased()
        if text.contains("timestamp") || text.contains("时间戳") || text.contains("过期") { return timestampHint }
        if text.contains("sign") || text.contains("签名") { return "签名不匹配，请检查 secret：" }
        if text.contains("keyword") || text.contains("关键词") { return "消息不含关键词，请检查 keywords：" }
        if text.contains("whitelist") || text.contains("ip") { return "本机地址不在白名单：" }
        return ""
    }
}
