/// A column with a fixed list: a value is its label or its number.
struct ChoiceList: Sendable {
    /// In the order of their numbers, starting at 1.
    let labels: [String]
    private let known: [ByteKey: Int]

    init(_ labels: [String], also: [String: Int] = [:]) {
        self.labels = labels
        var known: [ByteKey: Int] = [:]
        for (index, label) in labels.enumerated() {
            known[ByteKey(label)] = index + 1
            known[ByteKey(CellText.folded(ArraySlice(label.utf8)))] = index + 1
            known[ByteKey("\(index + 1)")] = index + 1
        }
        for (label, number) in also { known[ByteKey(label)] = number }
        self.known = known
    }

    /// The number of a trimmed, non-empty cell; nil if it is none of the list.
    func number(_ cell: ArraySlice<UInt8>) -> Int? {
        if let number = known[ByteKey(cell)] { return number }
        let folded = CellText.folded(cell)
        if let number = known[ByteKey(folded)] { return number }
        return CellText.withoutZeroFraction(ArraySlice(folded.utf8)).flatMap { known[ByteKey($0)] }
    }

    static let gender = ChoiceList(["男", "女"], also: ["m": 1, "f": 2, "male": 1, "female": 2])
    static let education = ChoiceList(["重点大学", "普通本科", "独立院校", "民办本科", "大专", "民办专科", "高中", "其他"])
    static let experience = ChoiceList(["在校生", "应届毕业", "半年以内", "半年至一年", "一年至三年", "三年至五年", "五年以上"])
    static let workStatus = ChoiceList(["在职", "无业"])
    static let source = ChoiceList([
        "qq群", "内部转介绍", "官方网站", "百度推广", "360推广", "搜狗推广", "腾讯课堂", "广点通", "高校宣讲", "渠道代理", "51cto", "智汇推",
        "网盟", "DSP", "SEO", "其它",
    ])
    static let status = ChoiceList(["已报名", "未报名"])
}
