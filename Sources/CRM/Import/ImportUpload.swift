internal import Crypto
internal import Foundation
internal import Spreadsheet

/// One file on its way into the database: takes bytes as they come, keeps them in pieces, holds one piece in memory.
///
///     var upload = try await ImportUpload(store, NewImport(fileName: "客户.xlsx"))
///     for try await bytes in body { try await upload.write(bytes) }
///     let result = try await upload.finish()
///
/// Whoever stops in the middle calls ``abandon()``; what nobody abandons is removed by the reconciler.
public struct ImportUpload: Sendable {
    public let importID: Int
    private let store: ImportStore
    private let new: NewImport
    /// Bytes the whole file may have.
    private let limit: Int
    private var hash = SHA256()
    private var piece: [UInt8] = []
    private var pieces = 0
    public private(set) var size = 0

    public init(_ store: ImportStore, _ new: NewImport, limit: Int? = nil) async throws {
        self.store = store
        self.new = new
        self.limit = limit ?? store.settings.limits.fileBytes
        importID = try await store.begin(new)
        piece.reserveCapacity(store.settings.pieceBytes)
    }

    /// - Throws: ``UploadTooLarge`` once the file is over its limit; PostgreSQL's errors.
    public mutating func write(_ bytes: some Collection<UInt8>) async throws {
        size += bytes.count
        guard size <= limit else { throw UploadTooLarge(limit: limit) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let room = store.settings.pieceBytes - piece.count
            piece.append(contentsOf: rest.prefix(room))
            rest = rest.dropFirst(room)
            if piece.count == store.settings.pieceBytes { try await flush() }
        }
    }

    public mutating func finish() async throws -> UploadResult {
        if !piece.isEmpty { try await flush() }
        return try await store.finish(
            importID, sha256: Array(hash.finalize()), size: size, force: new.force, traceparent: new.traceparent)
    }

    public func abandon() async throws { try await store.abandon(importID) }

    private mutating func flush() async throws {
        hash.update(data: piece)
        try await store.append(importID, seq: pieces, bytes: piece)
        pieces += 1
        piece.removeAll(keepingCapacity: true)
    }
}

/// 413: more bytes than an upload may have.
public struct UploadTooLarge: Error, Sendable, Equatable {
    public let limit: Int
}
