extension CustomerInput {
    /// Columns that a PATCH changes, each checked by the rules of the import.
    static let profile = fields.filter { $0 != .status && $0 != .date && $0 != .memo }
    private static let profileNames = Set(profile.map(\.rawValue)).union(["course", "referral_from_id"])
    /// Members of a customer that have ways of their own to change, or none.
    private static let fixed: Set<String> = [
        "id", "status", "consultant", "consultant_id", "recv_date", "date", "last_consult_date", "pool_state",
        "pool_since", "protected_until", "follow_due_on", "deal_due_on", "expires_on", "import_id", "version",
    ]

    /// Names of what is given, null included.
    var given: [String] { values.keys.sorted() }

    var isEmpty: Bool { values.isEmpty }

    var profileCells: Cells { Cells(values: Self.profile.map { values[$0.rawValue] ?? .none }) }

    /// What a PATCH may not name, and lists where there is one value.
    var misplaced: [CustomerProblem] {
        given.compactMap { name in
            if Self.fixed.contains(name) {
                return .init(pointer: "/\(name)", code: "readonly", message: "\(name) 不能在这里修改")
            }
            if !Self.profileNames.contains(name) {
                return .init(pointer: "/\(name)", code: "unknown_field", message: "没有 \(name) 这个字段")
            }
            if name != "course", case .list? = values[name] {
                return .init(pointer: "/\(name)", code: "type", message: "\(name) 只能填一个值")
            }
            return nil
        }
    }
}

extension CustomerRules {
    /// Checks what a PATCH gives: a column that it does not name may be as it is.
    func check(patch input: CustomerInput) -> (row: CheckedRow, problems: [CustomerProblem]) {
        let rules = RowRules(
            fields: CustomerInput.profile, requiresGender: settings.gender == .required,
            contacts: ContactRules(loose: settings.contact == .loose), dates: DateRules(from1904: false), lists: lists,
            today: today)
        var row = rules.check(input.profileCells) ?? rules.empty
        let given = Set(input.given)
        var problems = input.misplaced
        let misplaced = Set(problems.map(\.pointer))
        for problem in Self.problems(of: row)
        where given.contains(String(problem.pointer.dropFirst())) && !misplaced.contains(problem.pointer) {
            problems.append(problem)
        }
        if row.isSample { problems.append(.sample) }
        if given.contains("source"), row.source == nil, !problems.contains(where: { $0.pointer == "/source" }) {
            problems.append(.init(pointer: "/source", code: IssueCode.required.rawValue, message: "来源不能为空"))
        }
        (row.courses, problems) = courses(input, problems)
        return (row, problems)
    }

    /// What is wrong with a row, by column.
    static func problems(of row: CheckedRow) -> [CustomerProblem] {
        row.issues.filter { !$0.code.isWarning }.map {
            CustomerProblem(pointer: "/\($0.field?.rawValue ?? "")", code: $0.code.rawValue, message: $0.message)
        }
    }
}

extension CustomerProblem {
    /// The text that marks the example of the import's template.
    static let sample = CustomerProblem(
        pointer: "", code: IssueCode.sampleRow.rawValue, message: "这是导入模板的示例，不是客户")
}
