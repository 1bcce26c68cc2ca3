/// `crm_paymentrecord.pay_type`.
enum PayType: Int, Sendable, CaseIterable {
    /// 订金/报名费.
    case deposit = 1
    /// 学费.
    case tuition = 2
    /// 转班.
    case otherClass = 3
    /// 退学.
    case leaving = 4
    /// 退款.
    case refund = 5

    /// Who pays this has signed.
    var meansDeal: Bool { self == .deposit || self == .tuition }

    /// A class that is named with it is one that the student joins; who leaves or is paid back joins none.
    var joins: Bool { meansDeal || self == .otherClass }
}

/// A payment as it is to be recorded.
public struct PaymentInput: Sendable, Equatable {
    /// 1 to 5.
    public var payType: Int
    /// Not negative.
    public var paidFee: Int
    public var turnover: Int?
    public var quote: Int?
    /// At most 10,000 characters.
    public var note: String?
    /// Of `crm_classlist`.
    public var classListID: Int?

    public init(
        payType: Int, paidFee: Int = 0, turnover: Int? = nil, quote: Int? = nil, note: String? = nil,
        classListID: Int? = nil
    ) {
        self.payType = payType
        self.paidFee = paidFee
        self.turnover = turnover
        self.quote = quote
        self.note = note
        self.classListID = classListID
    }

    /// Amounts are PostgreSQL's `integer`.
    private static let most = Int(Int32.max)
    private static let longestNote = 10_000

    /// What is wrong with it by itself.
    var problems: [CustomerProblem] {
        var problems: [CustomerProblem] = []
        if PayType(rawValue: payType) == nil {
            problems.append(
                .init(
                    pointer: "/pay_type", code: "range",
                    message: "must be 1 订金/报名费, 2 学费, 3 转班, 4 退学 or 5 退款"))
        }
        if !(0...Self.most).contains(paidFee) {
            problems.append(.init(pointer: "/paid_fee", code: "range", message: "must be 0 to \(Self.most)"))
        }
        for (name, amount) in [("turnover", turnover), ("quote", quote)] {
            if let amount, !(Int(Int32.min)...Self.most).contains(amount) {
                problems.append(
                    .init(pointer: "/\(name)", code: "range", message: "must be \(Int32.min) to \(Self.most)"))
            }
        }
        if let note {
            if note.unicodeScalars.count > Self.longestNote {
                problems.append(
                    .init(
                        pointer: "/note", code: "range", message: "must have at most \(Self.longestNote) characters"))
            }
            if CellText.hasControl(ArraySlice(note.utf8), lines: true) {
                problems.append(
                    .init(
                        pointer: "/note", code: "type", message: "must not have control characters"))
            }
        }
        return problems
    }
}
