/// One row of an answer. Columns count from 0.
public struct Row: Sendable {
    let rows: Rows
    let index: Int

    public func isNull(_ column: Int) -> Bool { rows.withValue(index, column) { _ in } == nil }

    /// - Throws: ``PostgresError`` with code `decoding` if the value is NULL; so do all that are not `optional…`.
    public func text(_ column: Int) throws(PostgresError) -> String { try notNull(column, optionalText(column)) }

    public func optionalText(_ column: Int) -> String? {
        rows.withValue(index, column) { String(decoding: $0.array, as: UTF8.self) }
    }

    public func int(_ column: Int) throws(PostgresError) -> Int { try notNull(column, optionalInt(column)) }

    /// - Throws: ``PostgresError`` with code `decoding` if the value is no whole number of 64 bits.
    public func optionalInt(_ column: Int) throws(PostgresError) -> Int? {
        try converted(column, "whole number") { span -> Int? in span.decimal }
    }

    public func bool(_ column: Int) throws(PostgresError) -> Bool { try notNull(column, optionalBool(column)) }

    /// - Throws: ``PostgresError`` with code `decoding` if the column is not of type boolean.
    public func optionalBool(_ column: Int) throws(PostgresError) -> Bool? {
        try converted(column, "boolean") { span -> Bool? in
            guard span.byteCount == 1 else { return nil }
            switch span.byte(0) {
            case UInt8(ascii: "t"): return true
            case UInt8(ascii: "f"): return false
            default: return nil
            }
        }
    }

    public func double(_ column: Int) throws(PostgresError) -> Double { try notNull(column, optionalDouble(column)) }

    /// - Throws: ``PostgresError`` with code `decoding` if the value is no number.
    public func optionalDouble(_ column: Int) throws(PostgresError) -> Double? {
        try converted(column, "number") { span -> Double? in Double(String(decoding: span.array, as: UTF8.self)) }
    }

    /// A `bytea`.
    public func bytes(_ column: Int) throws(PostgresError) -> [UInt8] { try notNull(column, optionalBytes(column)) }

    /// - Throws: ``PostgresError`` with code `decoding` if the column is not of type `bytea`.
    public func optionalBytes(_ column: Int) throws(PostgresError) -> [UInt8]? {
        try converted(column, "bytea") { span -> [UInt8]? in span.hexDecoded }
    }

    /// The value's text as it came, in UTF-8.
    public func utf8(_ column: Int) throws(PostgresError) -> [UInt8] { try notNull(column, optionalUTF8(column)) }

    public func optionalUTF8(_ column: Int) -> [UInt8]? { rows.withValue(index, column) { $0.array } }

    private func notNull<T>(_ column: Int, _ value: T?) throws(PostgresError) -> T {
        guard let value else {
            throw PostgresError(code: .decoding, message: "column \(rows.columnName(column)) is NULL")
        }
        return value
    }

    private func converted<T>(
        _ column: Int, _ type: String, _ convert: (RawSpan) -> T?
    ) throws(PostgresError) -> T? {
        guard let value = rows.withValue(index, column, convert) else { return nil }
        guard let value else {
            throw PostgresError(code: .decoding, message: "column \(rows.columnName(column)) is no \(type)")
        }
        return value
    }
}

extension RawSpan {
    func byte(_ index: Int) -> UInt8 { unsafe unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self) }

    var array: [UInt8] { unsafe withUnsafeBytes { unsafe [UInt8]($0) } }

    /// A signed decimal number, `nil` if it is none or does not fit.
    var decimal: Int? {
        var index = 0
        let isNegative = byteCount > 0 && byte(0) == UInt8(ascii: "-")
        if isNegative { index = 1 }
        guard index < byteCount else { return nil }
        var value = 0
        while index < byteCount {
            let digit = Int(byte(index)) - 48
            guard digit >= 0, digit <= 9 else { return nil }
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            // Down from zero, because the least number has no positive counterpart.
            let (sum, overflow2) = tens.subtractingReportingOverflow(digit)
            if overflow || overflow2 { return nil }
            value = sum
            index += 1
        }
        if isNegative { return value }
        return value == .min ? nil : -value
    }

    /// The bytes of a `bytea` in its hex output form (`\x0aff`), `nil` if it is not in that form.
    var hexDecoded: [UInt8]? {
        guard byteCount >= 2, byteCount.isMultiple(of: 2), byte(0) == UInt8(ascii: "\\"), byte(1) == UInt8(ascii: "x")
        else { return nil }
        func digit(_ byte: UInt8) -> UInt8? {
            switch byte {
            case 48...57: byte - 48
            case 97...102: byte - 87
            default: nil
            }
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount / 2 - 1)
        for index in stride(from: 2, to: byteCount, by: 2) {
            guard let high = digit(byte(index)), let low = digit(byte(index + 1)) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
