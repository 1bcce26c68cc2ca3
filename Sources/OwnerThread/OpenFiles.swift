internal import Glibc

/// Descriptors this process may have open.
public enum OpenFiles {
    /// Raises the soft limit, often 1,024 for the sake of programs that use `select`, to the hard one.
    ///
    /// - Returns: the limit that holds now.
    @discardableResult public static func raiseLimit() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        let before = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return Int(clamping: before)
        }
        return Int(clamping: limit.rlim_cur)
    }
}
