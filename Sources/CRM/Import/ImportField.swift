/// A column of an import sheet that the service knows; the raw value is the name that reports use.
public enum ImportField: String, CaseIterable, Sendable {
    case name, gender, qq, education
    case graduationSchool = "graduation_school"
    case major, experience
    case workStatus = "work_status"
    case company, salary, source, course, referral, status, date, consultant, memo

    /// How the template writes the column, and how messages name it.
    public var label: String {
        switch self {
        case .qq: "QQ号"
        case .name: "姓名"
        case .gender: "性别"
        case .education: "学历"
        case .graduationSchool: "毕业院校"
        case .major: "专业"
        case .experience: "工作经验"
        case .workStatus: "职业状态"
        case .company: "公司"
        case .salary: "薪资"
        case .source: "来源"
        case .course: "咨询课程"
        case .referral: "推荐人QQ"
        case .status: "状态"
        case .date: "咨询日期"
        case .consultant: "课程顾问"
        case .memo: "备注"
        }
    }

    /// A file without one of these columns is F_HEADER.
    public static let required: [ImportField] = [.name, .qq]

    /// Headers as people write them, besides the raw value itself.
    private var synonyms: [String] {
        switch self {
        case .qq: ["QQ", "QQ号", "QQ号码", "联系方式"]
        case .name: ["姓名", "学生姓名", "客户姓名", "名字"]
        case .gender: ["性别", "性别(1-男,2-女)"]
        case .education: ["学历"]
        case .graduationSchool: ["毕业学校", "毕业院校", "院校"]
        case .major: ["专业", "所学专业"]
        case .experience: ["工作经验", "工作年限"]
        case .workStatus: ["职业状态", "工作状态"]
        case .company: ["公司", "目前就职公司"]
        case .salary: ["薪资", "当前薪资"]
        case .source: ["来源", "客户来源", "渠道"]
        case .course: ["咨询课程", "意向课程", "课程"]
        case .referral: ["转介绍", "转介绍自学员", "推荐人QQ", "referral_from"]
        case .status: ["状态", "报名状态"]
        case .date: ["咨询日期"]
        case .consultant: ["课程顾问"]
        case .memo: ["备注"]
        }
    }

    private static let byHeader: [String: ImportField] = {
        var all: [String: ImportField] = [:]
        for field in allCases {
            for word in field.synonyms + [field.rawValue] { all[headerKey(Array(word.utf8))] = field }
        }
        return all
    }()

    /// The field that a header cell names, if any.
    static func named(_ header: some Collection<UInt8>) -> ImportField? { byHeader[headerKey(header)] }

    /// A header as it is compared: NFKC, lower case, without `*`, white space of any kind and BOM.
    static func headerKey(_ header: some Collection<UInt8>) -> String {
        let text = CellText.compatible(ArraySlice(header)).lowercased()
        let kept = text.unicodeScalars.filter { !$0.properties.isWhitespace && !ignored($0) }
        return String(String.UnicodeScalarView(kept))
    }

    private static func ignored(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "*", "\u{FEFF}", "\u{200B}", "\u{200C}", "\u{200D}", "\u{2060}": true
        default: false
        }
    }
}
