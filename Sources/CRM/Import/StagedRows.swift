/// Some rows of a sheet, checked, as lines for COPY into `paidan.import_row`, with what the batch must know of them.
struct StagedRows: Sendable {
    static let columns = """
        import_id, row, state, errors, customer_id, qq, name, gender, education, graduation_school, major, experience,
        work_status, company, salary, source, referral_qq, status, consultant_id, date, courses, memo
        """

    /// Lines in PostgreSQL's COPY text format.
    private(set) var lines: [UInt8] = []
    private(set) var lastRow = 0
    private(set) var rows = 0
    private(set) var errors = 0
    private(set) var skipped = 0
    /// Columns that any of these rows uses; the others cost nothing later.
    private(set) var uses = ImportUses()
    var isEmpty: Bool { rows == 0 }

    init(capacity: Int = 0) { lines.reserveCapacity(capacity) }

    mutating func append(_ row: CheckedRow, number: Int, importID: [UInt8], customerID: Int?) {
        let isValid = row.isValid
        rows += 1
        lastRow = number
        if row.isSample { skipped += 1 } else if !isValid { errors += 1 }
        if isValid { uses.add(row) }
        lines.append(contentsOf: importID)
        tab()
        digits(number)
        tab()
        lines.append(contentsOf: row.isSample ? Self.skippedWord : isValid ? Self.okWord : Self.errorWord)
        tab()
        if row.issues.isEmpty { null() } else { escaped(RowIssue.json(row.issues)[...]) }
        field(customerID)
        field(row.qq)
        field(row.name)
        field(row.gender)
        field(row.education)
        field(row.graduationSchool)
        field(row.major)
        field(row.experience)
        field(row.workStatus)
        field(row.company)
        field(row.salary)
        field(row.source)
        field(row.referral)
        field(row.status)
        field(row.consultant)
        tab()
        if let date = row.date { lines.append(contentsOf: date.utf8) } else { null() }
        tab()
        if row.courses.isEmpty { null() } else { array(row.courses) }
        field(row.memo)
        lines.append(0x0A)
    }

    private static let okWord = Array("ok".utf8)
    private static let errorWord = Array("error".utf8)
    private static let skippedWord = Array("skipped".utf8)

    private mutating func tab() { lines.append(0x09) }

    private mutating func null() {
        lines.append(0x5C)
        lines.append(0x4E)
    }

    private mutating func field(_ number: Int?) {
        tab()
        if let number { digits(number) } else { null() }
    }

    private mutating func field(_ text: ArraySlice<UInt8>?) {
        tab()
        if let text { escaped(text) } else { null() }
    }

    private mutating func array(_ numbers: [Int]) {
        lines.append(0x7B)
        for (index, number) in numbers.enumerated() {
            if index > 0 { lines.append(0x2C) }
            digits(number)
        }
        lines.append(0x7D)
    }

    private mutating func digits(_ number: Int) {
        if number < 10, number >= 0 {
            lines.append(0x30 + UInt8(number))
            return
        }
        let start = lines.count
        var rest = number
        while rest > 0 {
            lines.append(0x30 + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        }
        lines[start...].reverse()
    }

    /// PostgreSQL manual, COPY, "Text Format": backslash and the characters that end fields and lines.
    private mutating func escaped(_ text: ArraySlice<UInt8>) {
        if !text.contains(where: { $0 == 0x5C || $0 < 0x20 }) {
            lines.append(contentsOf: text)
            return
        }
        for byte in text {
            switch byte {
            case 0x5C: lines.append(contentsOf: [0x5C, 0x5C])
            case 0x09: lines.append(contentsOf: [0x5C, 0x74])
            case 0x0A: lines.append(contentsOf: [0x5C, 0x6E])
            case 0x0D: lines.append(contentsOf: [0x5C, 0x72])
            default: lines.append(byte)
            }
        }
    }
}

/// Which of the rarer columns a file's valid rows use.
struct ImportUses: Sendable, Equatable {
    var referrals = false
    var consultants = false
    var courses = false
    var memos = false

    mutating func add(_ row: CheckedRow) {
        if row.referral != nil { referrals = true }
        if row.consultant != nil { consultants = true }
        if !row.courses.isEmpty { courses = true }
        if row.memo != nil { memos = true }
    }

    mutating func add(_ other: ImportUses) {
        referrals = referrals || other.referrals
        consultants = consultants || other.consultants
        courses = courses || other.courses
        memos = memos || other.memos
    }
}
