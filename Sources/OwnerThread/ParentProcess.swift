internal import CProcess
internal import Glibc

/// The process that started this one.
public enum ParentProcess {
    /// Has the kernel send SIGTERM when the parent ends, and ends this process with SIGKILL if it is still there a while
    /// after that.
    ///
    /// The kernel's signal is tied to the thread that started this process: if only that thread ends, it comes too
    /// early, so whoever gets it looks at ``isGone(_:)``.
    ///
    /// - Parameters:
    ///   - id: of the parent, as it said itself: it may be gone already.
    ///   - patience: how long this process may go on after its parent.
    ///   - onDeath: called once, on a thread of its own, when the parent is gone.
    public static func endWith(_ id: Int32, patience: Duration, onDeath: @escaping @Sendable () -> Void) {
        _ = paidan_set_parent_death_signal(SIGTERM)
        startThread(named: "parent watch") {
            while !isGone(id) { usleep(50_000) }
            onDeath()
            usleep(useconds_t(patience / .microseconds(1)))
            kill(getpid(), SIGKILL)
        }
    }

    public static func isGone(_ id: Int32) -> Bool { getppid() != id }
}

/// A write to a pipe that nobody reads shall be an error of that write, not the end of the process.
public func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }

/// Shown by `ps` as the process's name; without this it is the last part of the path it was started by.
public func nameThisProcess(_ name: String) {
    guard let file = unsafe fopen("/proc/self/comm", "w") else { return }
    _ = unsafe fputs(String(name.prefix(15)), file)
    _ = unsafe fclose(file)
}
