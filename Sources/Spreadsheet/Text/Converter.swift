internal import Glibc

/// One iconv conversion. Owns the C descriptor and closes it once.
@safe struct Converter: ~Copyable {
    enum Stop {
        /// All input is taken.
        case done
        /// The input ends inside a character.
        case incomplete
        /// The next input byte begins no character of the set.
        case invalid
        /// No room for the next character.
        case full
    }

    private let raw: iconv_t

    init(from source: String, to target: String) throws(SheetError) {
        unsafe raw = iconv_open(target, source)
        guard unsafe Int(bitPattern: raw) != -1 else {
            throw .format("本机没有安装字符集 \(source) → \(target) 的转换表（glibc gconv）。")
        }
    }
    deinit { unsafe iconv_close(raw) }

    /// Converts from `input` to `output` and moves both past what was done.
    @unsafe func convert(
        _ input: inout UnsafeMutableRawBufferPointer, _ output: inout UnsafeMutableRawBufferPointer
    ) -> Stop {
        var from = unsafe input.baseAddress?.assumingMemoryBound(to: CChar.self)
        var to = unsafe output.baseAddress?.assumingMemoryBound(to: CChar.self)
        var left = input.count
        var room = output.count
        let result = unsafe iconv(raw, &from, &left, &to, &room)
        let problem = errno
        unsafe input = .init(rebasing: input[(input.count - left)...])
        unsafe output = .init(rebasing: output[(output.count - room)...])
        if result != -1 { return .done }
        switch problem {
        case EINVAL: return .incomplete
        case E2BIG: return .full
        default: return .invalid
        }
    }
}
