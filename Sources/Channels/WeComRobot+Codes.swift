extension WeComRobot {
    /// The provider's error codes.
    static let table = VerdictTable(
        rows: [
            (0...0, .delivered),
            (-1 ... -1, .busy(attempts: 3)),
            // A minute's block lasts 60 s from its start; 5 s for the clocks.
            (45009...45009, .paused(.seconds(65))),
            (45033...45033, .concurrent),
            (93000...93000, .permanent(.config, hint: "机器人地址无效，或机器人已被移出群")),
            (93004...93004, .permanent(.config, hint: "机器人已停用")),
            (93008...93008, .permanent(.config, hint: "机器人不在群中")),
            (40008...40008, .permanent(.content, hint: "消息类型不正确")),
            (40033...40033, .permanent(.content, hint: "消息含有非法字符")),
            (40035...40035, .permanent(.content, hint: "消息参数不正确")),
            (40058...40058, .permanent(.content, hint: "消息参数不正确，可能过长")),
            (40063...40063, .permanent(.content, hint: "消息参数为空")),
            (44004...44004, .permanent(.content, hint: "消息内容为空")),
            (45002...45002, .permanent(.content, hint: "消息过长")),
        ],
        throttled: .seconds(65), provider: "企业微信机器人")
}
