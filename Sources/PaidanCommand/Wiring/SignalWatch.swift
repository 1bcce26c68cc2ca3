import Dispatch
import OwnerThread

/// Signals that this process hears instead of doing what they do by default.
///
/// They are heard on a thread of their own, so they work whatever the tasks of this process do.
final class SignalWatch: Sendable {
    private let sources: Lock<[any DispatchSourceSignal]>

    /// Hears from when it is made until `close`.
    init(_ signals: [Int32], heard: @escaping @Sendable (Int32) -> Void) async {
        let queue = DispatchQueue(label: "paidan.signals")
        var sources: [any DispatchSourceSignal] = []
        for signal in signals {
            let source = DispatchSource.makeSignalSource(signal: signal, queue: queue)
            source.setEventHandler { heard(signal) }
            await withCheckedContinuation { continuation in
                source.setRegistrationHandler { continuation.resume() }
                source.resume()
            }
            sources.append(source)
        }
        self.sources = Lock(sources)
    }

    func close() {
        sources.withLock { sources in
            for source in sources { source.cancel() }
            sources = []
        }
    }
}
