/// The text of the Lua library, one function a state change.
enum FunctionLibrary {
    enum Name: String, CaseIterable {
        case enqueue, exchange, open, beat, cancellations, release, progress, checkpoint, reap, promote, prune
        case cancel, retry, discard, bulk, job, page, queue, census, register, unregister, workers
        case limit, permit, pause, resume
    }

    /// Format of the keys, and a hash of the text: two releases whose functions differ in a byte run side by side.
    static let version = "1_" + String(hash(text), radix: 36)

    /// Ready for `FUNCTION LOAD`.
    static let code = text.replacing("VERSION", with: version)

    static func name(_ function: Name) -> String { "paidan_" + function.rawValue + "_" + version }

    private static let text = [
        PackageResources.library_lua, PackageResources.limits_lua, PackageResources.give_back_lua,
        PackageResources.enqueue_lua, PackageResources.foreign_lua, PackageResources.exchange_lua,
        PackageResources.session_lua, PackageResources.reap_lua, PackageResources.upkeep_lua,
        PackageResources.change_lua, PackageResources.look_lua, PackageResources.workers_lua,
        PackageResources.register_lua,
    ].map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")

    /// FNV-1a.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }
}
