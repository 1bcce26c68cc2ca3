import Foundation
import TestSupport

/// A configuration file of one test, removed with it.
final class Scratch {
    let path = PrivateServers.folder + "/\(UUID()).conf"

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String) throws { try write(bytes: Array(text.utf8)) }

    func write(bytes: [UInt8]) throws { try Data(bytes).write(to: URL(filePath: path)) }
}
