internal import Foundation

/// The upload as one file for the sheet reader, without a name: the kernel removes it when the process ends, however.
final class Spool {
    private let file: FileHandle

    private init(_ file: FileHandle) { self.file = file }

    deinit { try? file.close() }

    /// What the sheet reader opens. Good while the spool lives.
    var path: String { "/proc/self/fd/\(file.fileDescriptor)" }

    /// Copies an upload out of the database.
    static func fill(_ importID: Int, from store: ImportStore) async throws -> Spool {
        let spool = Spool(try open(in: store.settings.temporaryFolder))
        var seq = 0
        while let piece = try await store.piece(importID, seq: seq) {
            try spool.file.write(contentsOf: Data(piece))
            seq += 1
        }
        return spool
    }

    private static func open(in folder: String) throws -> FileHandle {
        let path = "\(folder)/paidan-import-\(UUID().uuidString)"
        guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
            let file = FileHandle(forUpdatingAtPath: path)
        else {
            throw SpoolError(folder: folder)
        }
        try FileManager.default.removeItem(atPath: path)
        return file
    }
}

/// The folder for temporary files takes none.
struct SpoolError: Error, CustomStringConvertible {
    let folder: String
    var description: String { "cannot make a temporary file in \(folder): is it there, writable, and not full?" }
}
