/// The QQ column.
struct ContactRules: Sendable {
    let loose: Bool

    enum Result: Equatable {
        /// `changed`: more than nothing had to be mended, which is W_TRIMMED.
        case value(ArraySlice<UInt8>, changed: Bool)
        case precision
        case format
    }

    /// - Parameter cell: trimmed, not empty. `isNumber`: a numeric cell of a workbook.
    func check(_ cell: ArraySlice<UInt8>, isNumber: Bool) -> Result {
        if isQQ(cell) { return .value(cell, changed: false) }
        if isNumber { return number(cell) }
        if loose, isWeChat(cell) { return .value(cell, changed: false) }
        var text = CellText.compatibleBytes(cell)
        if looksScientific(text) { return .precision }
        if text.contains(where: { $0 <= 0x20 || $0 >= 0x80 }) { text = withoutSpaces(text) }
        if let whole = CellText.withoutZeroFraction(text) { text = whole }
        if isQQ(text) || (loose && isWeChat(text)) { return .value(text, changed: true) }
        return .format
    }

    /// 5–12 digits, no leading 0. Mobile numbers are among them.
    private func isQQ(_ text: ArraySlice<UInt8>) -> Bool {
        guard (5...12).contains(text.count), text.first != 0x30 else { return false }
        for byte in text where !CellText.isDigit(byte) { return false }
        return true
    }

    /// A letter, then 5–19 letters, digits, `_` or `-`.
    private func isWeChat(_ text: ArraySlice<UInt8>) -> Bool {
        guard (6...20).contains(text.count), let first = text.first, isLetter(first) else { return false }
        return text.dropFirst().allSatisfy { isLetter($0) || CellText.isDigit($0) || $0 == 0x5F || $0 == 0x2D }
    }

    private func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }

    private func withoutSpaces(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let scalars = String(decoding: text, as: UTF8.self).unicodeScalars
        let kept = scalars.filter { !$0.properties.isWhitespace && !(0x200B...0x200D).contains($0.value) }
        return ArraySlice(String(String.UnicodeScalarView(kept)).utf8)
    }

    /// `1.23457E+17`: what a spreadsheet shows of a long number; digits are lost for good.
    private func looksScientific(_ text: ArraySlice<UInt8>) -> Bool {
        guard let mark = text.firstIndex(where: { $0 | 0x20 == 0x65 }), mark > text.startIndex else { return false }
        let mantissa = text[..<mark]
        var exponent = text[(mark + 1)...]
        if exponent.first == 0x2B || exponent.first == 0x2D { exponent = exponent.dropFirst() }
        return !exponent.isEmpty && exponent.allSatisfy(CellText.isDigit)
            && mantissa.allSatisfy { CellText.isDigit($0) || $0 == 0x2E }
            && CellText.isDigit(mantissa[mantissa.startIndex])
    }

    /// A numeric cell holds at most 15 exact digits; programs write 123456789 also as `1.23456789E8`.
    private func number(_ cell: ArraySlice<UInt8>) -> Result {
        guard let digits = PlainNumber.wholeDigits(cell) else { return .format }
        if digits.count > 15 { return .precision }
        return isQQ(digits) ? .value(digits, changed: false) : .format
    }
}

/// Decimal numbers as workbooks store them.
enum PlainNumber {
    /// The digits of a non-negative whole number, written plainly, with zero decimals or an exponent; nil for others.
    static func wholeDigits(_ cell: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        if !cell.isEmpty, cell.allSatisfy(CellText.isDigit) { return cell }
        var digits: [UInt8] = []
        var scale = 0  // digits after the point so far
        var afterPoint = false
        var index = cell.startIndex
        while index < cell.endIndex, cell[index] | 0x20 != 0x65 {
            let byte = cell[index]
            if byte == 0x2E, !afterPoint {
                afterPoint = true
            } else if CellText.isDigit(byte) {
                digits.append(byte)
                if afterPoint { scale += 1 }
            } else {
                return nil
            }
            index += 1
        }
        guard !digits.isEmpty else { return nil }
        var exponent = 0
        if index < cell.endIndex {
            guard let value = Int(String(decoding: cell[(index + 1)...], as: UTF8.self)), abs(value) <= 400 else {
                return nil
            }
            exponent = value
        }
        while scale > exponent {
            // Digits after the point: only zeros leave a whole number.
            guard digits.popLast() ?? 0x30 == 0x30 else { return nil }
            scale -= 1
        }
        digits.append(contentsOf: repeatElement(0x30, count: exponent - scale))
        let plain = digits.drop { $0 == 0x30 }
        return plain.isEmpty ? [0x30] : ArraySlice(plain)
    }
}
