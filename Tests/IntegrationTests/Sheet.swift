/// A made-up sheet of customers, and what must come of it.
struct Sheet {
    let rows: Int
    let csv: [UInt8]
    var ok = 0
    var duplicates = 0
    var errors = 0

    /// One row in 20 is bad: a QQ that the sheet has already, or one that is none.
    ///
    /// - Parameter first: QQs count from here.
    init(rows: Int, first: Int = 10_000_000) {
        self.rows = rows
        var text = "姓名,性别,QQ,学历,毕业院校,公司,薪资,来源,备注\n"
        for row in 0..<rows {
            let qq: String
            switch row % 40 {
            case 19:
                qq = "\(first + row - 1)"
                duplicates += 1
            case 39:
                qq = "无"
                errors += 1
            default:
                qq = "\(first + row)"
                ok += 1
            }
            text += "客户\(row),男,\(qq),普通本科,兰州石化职业技术学院,某某科技有限公司\(row % 97),8000,qq群,\n"
        }
        csv = Array(text.utf8)
    }
}
