internal import Spreadsheet

/// One row as the rules see it: cells by column, from 0.
protocol RowCells {
    var count: Int { get }
    func kind(_ column: Int) -> CellKind
    func utf8(_ column: Int) -> ArraySlice<UInt8>
}

extension SheetRow: RowCells {}

/// A row after its rules: what will be stored, and what is to be said about it.
///
/// Texts are slices of the row they come from wherever nothing had to be mended.
struct CheckedRow: Sendable {
    var qq: ArraySlice<UInt8>?
    var name: ArraySlice<UInt8>?
    var gender: Int?
    var education: Int?
    var graduationSchool: ArraySlice<UInt8>?
    var major: ArraySlice<UInt8>?
    var experience: Int?
    var workStatus: Int?
    var company: ArraySlice<UInt8>?
    var salary: ArraySlice<UInt8>?
    var source: Int?
    /// Ids of `crm_course`, each once, in the order of the cell.
    var courses: [Int] = []
    /// QQ of the customer who referred this one; whether there is such a one is found out later.
    var referral: ArraySlice<UInt8>?
    var status: Int?
    /// Id of `crm_userinfo`.
    var consultant: Int?
    var date: Day?
    var memo: ArraySlice<UInt8>?

    var issues: [RowIssue] = []
    /// The template's example, left in.
    var isSample = false

    var isValid: Bool { !isSample && !issues.contains { !$0.code.isWarning } }
}

/// Everything that is checked on a row by itself: normalise, then validate each field, collect all.
struct RowRules: Sendable {
    /// Field of each column, nil for columns that are unknown.
    let fields: [ImportField?]
    let requiresGender: Bool
    let contacts: ContactRules
    let dates: DateRules
    let lists: ImportLists
    /// The business day: a later 咨询日期 is E_DATE_FUTURE.
    let today: Day

    /// - Returns: nil for a blank row, which is no data row.
    func check(_ row: some RowCells) -> CheckedRow? {
        var result = CheckedRow()
        var isBlank = true
        for column in 0..<row.count {
            let kind = row.kind(column)
            if kind == .empty { continue }
            let bytes = row.utf8(column)
            let cell = CellText.trimmed(bytes)
            if cell.isEmpty { continue }
            isBlank = false
            if SampleRow.isMarked(cell) {
                result = CheckedRow()
                result.isSample = true
                result.issues = [RowIssue(.sampleRow, nil, "模板中的示例行，已跳过")]
                return result
            }
            guard column < fields.count, let field = fields[column] else { continue }
            check(cell, of: field, kind, trimmed: cell.count != bytes.count, into: &result)
        }
        if isBlank { return nil }
        checkTogether(&result)
        return result
    }

    /// What a row without any cell would be told.
    var empty: CheckedRow {
        var result = CheckedRow()
        checkTogether(&result)
        return result
    }

    /// What only the whole row shows.
    private func checkTogether(_ result: inout CheckedRow) {
        if result.name == nil { require(.name, &result) }
        if result.qq == nil { require(.qq, &result) }
        if requiresGender, result.gender == nil { require(.gender, &result) }
        if let referral = result.referral, referral == result.qq {
            result.issues.append(RowIssue(.referral, .referral, "推荐人不能是本人"))
        }
        if let consultant = result.consultant, result.status != 1, !lists.mayReceive(consultant) {
            result.issues.append(
                RowIssue(.consultant, .consultant, "课程顾问不是在职的销售，不能再接收客户"))
        }
    }

    private func require(_ field: ImportField, _ result: inout CheckedRow) {
        // A field with an error of its own is there, only wrong.
        guard !result.issues.contains(where: { $0.field == field && !$0.code.isWarning }) else { return }
        result.issues.append(RowIssue(.required, field, "\(field.label)不能为空"))
    }

    private func check(
        _ trimmed: ArraySlice<UInt8>, of field: ImportField, _ kind: CellKind, trimmed wasTrimmed: Bool,
        into result: inout CheckedRow
    ) {
        if kind == .error || isErrorText(trimmed) {
            let text = String(decoding: trimmed, as: UTF8.self)
            result.issues.append(RowIssue(.cellError, field, "\(field.label)单元格是错误值 \(text)"))
            return
        }
        if CellText.hasControl(trimmed, lines: true) {
            result.issues.append(RowIssue(.controlCharacter, field, "\(field.label)含有不可见的控制字符，请删除后重填"))
            return
        }
        let isNumber = kind == .number
        let cell = CellText.withoutFormulaGuard(trimmed)
        switch field {
        case .qq: checkQQ(cell, isNumber, wasTrimmed, &result)
        case .name: result.name = text(cell, field, 16, isNumber, wasTrimmed, &result)
        case .gender: result.gender = choice(.gender, cell, field, &result)
        case .education: result.education = choice(.education, cell, field, &result)
        case .graduationSchool: result.graduationSchool = text(cell, field, 64, isNumber, wasTrimmed, &result)
        case .major: result.major = text(cell, field, 64, isNumber, wasTrimmed, &result)
        case .experience: result.experience = choice(.experience, cell, field, &result)
        case .workStatus: result.workStatus = choice(.workStatus, cell, field, &result)
        case .company: result.company = text(cell, field, 64, isNumber, wasTrimmed, &result)
        case .salary: result.salary = text(cell, field, 64, isNumber, wasTrimmed, &result)
        case .source: result.source = choice(.source, cell, field, &result)
        case .course: checkCourses(cell, &result)
        case .referral: checkReferral(cell, isNumber, &result)
        case .status: result.status = choice(.status, cell, field, &result)
        case .date: checkDate(cell, isNumber, &result)
        case .consultant: checkConsultant(cell, &result)
        case .memo: result.memo = cell
        }
    }

    /// What a CSV export writes for an error value.
    private func isErrorText(_ cell: ArraySlice<UInt8>) -> Bool {
        guard cell.first == 0x23, cell.count <= 13 else { return false }
        switch String(decoding: cell, as: UTF8.self) {
        case "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#GETTING_DATA", "#SPILL!", "#CALC!":
            return true
        default: return false
        }
    }

    private func checkQQ(_ cell: ArraySlice<UInt8>, _ isNumber: Bool, _ trimmed: Bool, _ result: inout CheckedRow) {
        switch contacts.check(cell, isNumber: isNumber) {
        case .value(let value, let changed):
            result.qq = value
            if changed || trimmed { result.issues.append(RowIssue(.trimmed, .qq, "QQ号已规范为纯数字，请核对")) }
        case .precision:
            result.issues.append(RowIssue(.qqPrecision, .qq, "QQ号被表格按数字截断，末尾几位已丢失：请把该列设为文本后重填"))
        case .format:
            let expected = contacts.loose ? "5–12 位数字且不以 0 开头，或手机号、微信号" : "5–12 位数字且不以 0 开头"
            result.issues.append(RowIssue(.qqFormat, .qq, "QQ号格式不对，应为 \(expected)"))
        }
    }

    private func checkReferral(_ cell: ArraySlice<UInt8>, _ isNumber: Bool, _ result: inout CheckedRow) {
        if case .value(let value, _) = contacts.check(cell, isNumber: isNumber) {
            result.referral = value
        } else {
            result.issues.append(RowIssue(.referral, .referral, "推荐人QQ的格式不对，找不到这位学员"))
        }
    }

    /// A one-line text of at most `limit` characters.
    private func text(
        _ cell: ArraySlice<UInt8>, _ field: ImportField, _ limit: Int, _ isNumber: Bool, _ trimmed: Bool,
        _ result: inout CheckedRow
    ) -> ArraySlice<UInt8>? {
        var value = CellText.oneLine(cell)
        if isNumber, let digits = PlainNumber.wholeDigits(value) { value = digits }
        if value.count > limit, CellText.characters(value) > limit {
            let count = CellText.characters(value)
            result.issues.append(RowIssue(.tooLong, field, "\(field.label)最多 \(limit) 个字，现有 \(count) 个"))
            return nil
        }
        if trimmed || value.count != cell.count, !isNumber {
            result.issues.append(RowIssue(.trimmed, field, "\(field.label)首尾或中间的空白已去掉"))
        }
        return value
    }

    private func choice(
        _ list: ChoiceList, _ cell: ArraySlice<UInt8>, _ field: ImportField, _ result: inout CheckedRow
    ) -> Int? {
        if let number = list.number(cell) { return number }
        let allowed = list.labels.enumerated().map { "\($0.offset + 1)-\($0.element)" }.joined(separator: "、")
        result.issues.append(RowIssue(.choice, field, "\(field.label)只能填：\(allowed)"))
        return nil
    }

    private func checkCourses(_ cell: ArraySlice<UInt8>, _ result: inout CheckedRow) {
        switch lists.courses(cell) {
        case .known(let ids): result.courses = ids
        case .unknown(let names):
            result.issues.append(RowIssue(.course, .course, "没有这门课程：\(names.joined(separator: "、"))"))
        }
    }

    private func checkConsultant(_ cell: ArraySlice<UInt8>, _ result: inout CheckedRow) {
        switch lists.person(cell) {
        case .one(let id): result.consultant = id
        case .none:
            result.issues.append(RowIssue(.consultant, .consultant, "没有这位课程顾问，请填写用户名"))
        case .several:
            result.issues.append(RowIssue(.consultant, .consultant, "有多位同名的课程顾问，请改填用户名"))
        }
    }

    private func checkDate(_ cell: ArraySlice<UInt8>, _ isNumber: Bool, _ result: inout CheckedRow) {
        guard let day = dates.parse(cell, isNumber: isNumber) else {
            result.issues.append(RowIssue(.date, .date, "咨询日期不是有效日期，请写成 2018-05-19"))
            return
        }
        if day > today {
            result.issues.append(RowIssue(.dateFuture, .date, "咨询日期 \(day) 晚于今天 \(today)"))
            return
        }
        result.date = day
    }
}

/// The example row of the CRM's template and of ours.
enum SampleRow {
    static let mark = "（示例行请自行删除）"
    private static let words = Array("示例行".utf8)
    private static let wide = Array("（".utf8)

    /// The cell begins with 示例行, in brackets of either width or none, and asks to be deleted.
    static func isMarked(_ cell: ArraySlice<UInt8>) -> Bool {
        guard let first = cell.first, first == wide[0] || first == 0x28 || first == words[0] else { return false }
        var rest = cell
        if rest.starts(with: wide) {
            rest = rest.dropFirst(wide.count)
        } else if first == 0x28 {
            rest = rest.dropFirst()
        }
        return rest.starts(with: words) && String(decoding: rest, as: UTF8.self).contains("删除")
    }
}
