/// Checks a customer entered singly with the rules of the import.
struct CustomerRules: Sendable {
    let settings: ImportSettings
    let lists: ImportLists
    let today: Day

    struct Checked {
        var row: CheckedRow
        var problems: [CustomerProblem]
        /// The caller keeps the customer.
        var isOwn: Bool
    }

    func check(_ input: CustomerInput, seller: Int?) -> Checked {
        let rules = RowRules(
            fields: CustomerInput.fields, requiresGender: settings.gender == .required,
            contacts: ContactRules(loose: settings.contact == .loose), dates: DateRules(from1904: false), lists: lists,
            today: today)
        var row = rules.check(input.cells) ?? rules.empty
        var problems = Self.problems(of: row)
        if row.isSample { problems.append(.sample) }
        for key in input.unknown {
            problems.append(.init(pointer: "/\(key)", code: "unknown_field", message: "没有 \(key) 这个字段"))
        }
        (row.courses, problems) = courses(input, problems)
        let isOwn = input.assign == .own
        if input.assign == nil {
            problems.append(.init(pointer: "/assign", code: "E_CHOICE", message: "assign 只能是 auto 或 self"))
        } else if isOwn, !(seller.map(lists.mayReceive) ?? false) {
            problems.append(.notOwn)
        }
        return Checked(row: row, problems: problems, isOwn: isOwn)
    }

    func courses(_ input: CustomerInput, _ problems: [CustomerProblem]) -> ([Int], [CustomerProblem]) {
        var problems = problems
        var ids: [Int] = []
        for (index, given) in input.courses.enumerated() {
            if let id = Int(given), lists.hasCourse(id) {
                if !ids.contains(id) { ids.append(id) }
                continue
            }
            if Int(given) == nil, case .known(let found) = lists.courses(CellText.trimmed(ArraySlice(given.utf8))) {
                ids += found.filter { !ids.contains($0) }
                continue
            }
            problems.append(.init(pointer: "/course/\(index)", code: "E_COURSE", message: "没有这门课程：\(given)"))
        }
        return (ids, problems)
    }
}

extension CustomerProblem {
    /// Who is no active person of department 1001 may not keep a customer.
    static let notOwn = CustomerProblem(
        pointer: "/assign", code: IssueCode.consultant.rawValue, message: "只有在职的销售可以录入自己的客户")
}
