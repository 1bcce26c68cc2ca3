internal import Glibc

/// How a program ends that has owner threads.
public enum ProcessEnd {
    /// Ends the process, what was printed written out.
    ///
    /// Without the exit handlers of the C libraries: a thread that owns one of their handles may still be inside, and
    /// would find it taken down.
    public static func now(_ code: Int32) -> Never {
        fflush(nil)
        _exit(code)
    }
}
