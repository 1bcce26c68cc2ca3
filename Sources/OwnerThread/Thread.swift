internal import Glibc

/// Starts a detached thread that runs `body` once and ends.
///
/// - Parameter name: shown by `ps -L` and debuggers; the kernel keeps its first 15 bytes.
public func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
    final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    var thread = pthread_t()
    let start = unsafe Unmanaged.passRetained(Start(name, body)).toOpaque()
    let code = unsafe pthread_create(
        &thread, nil,
        { raw in
            let start = unsafe Unmanaged<Start>.fromOpaque(raw!).takeRetainedValue()
            nameThisThread(start.name)
            start.body()
            return nil
        }, start)
    precondition(code == 0, "cannot start thread \(name): error \(code)")
    _ = pthread_detach(thread)
}

/// `pthread_setname_np` is a GNU extension that Swift's Glibc does not show; the kernel's file does the same.
private func nameThisThread(_ name: String) {
    guard let file = unsafe fopen("/proc/thread-self/comm", "w") else { return }
    _ = unsafe fputs(String(name.prefix(15)), file)
    _ = unsafe fclose(file)
}
