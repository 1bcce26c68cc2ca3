internal import Postgres
internal import Spreadsheet

/// The rows that were not taken, in the format and encoding of the upload: its columns and the reason.
///
/// Made from the uploaded bytes, read again, so nothing of a good row is kept twice; imported again once mended.
public struct ErrorSheet: Sendable {
    static let reasonTitle = "错误原因"
    /// Rows whose reasons are asked for at once.
    private static let page = 2000

    private let store: ImportStore
    private let importID: Int
    /// `NAME.errors.EXT`.
    public let fileName: String
    /// The media type of the format.
    public let mediaType: String

    /// - Throws: ``ImportRefusal``: no such import, one that has not ended, or its file was removed.
    public init(_ store: ImportStore, _ importID: Int) async throws {
        self.store = store
        self.importID = importID
        let rows = try await store.pool.query(
            """
            SELECT b.state, b.file_name, b.format,
                EXISTS (SELECT FROM paidan.import_file f WHERE f.import_id = b.id AND f.seq = 0)
            FROM paidan.import_batch b WHERE b.id = \(importID)
            """)
        guard let row = rows.first else { throw ImportRefusal.notFound }
        let state = try row.text(0)
        guard ["done", "cancelled", "undone"].contains(state), let format = row.optionalText(2) else {
            throw ImportRefusal.state(state)
        }
        guard try row.bool(3) else { throw ImportRefusal.fileRemoved }
        fileName = Self.name(of: try row.text(1), format)
        mediaType =
            format == "csv" ? "text/csv" : "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    }

    private static func name(of upload: String, _ format: String) -> String {
        guard let point = upload.lastIndex(of: "."), point > upload.startIndex else {
            return "\(upload).errors.\(format)"
        }
        return "\(upload[..<point]).errors\(upload[point...])"
    }

    /// Writes the sheet, in pieces of about 64 KB.
    public func write(_ output: (_ bytes: [UInt8]) async throws -> Void) async throws {
        let spool = try await Spool.fill(importID, from: store)
        let sheet = try await store.pool.query("SELECT sheet FROM paidan.import_batch WHERE id = \(importID)")
        var reader = try SheetReader(
            path: spool.path, sheet: sheet.first?.optionalText(0), limits: store.settings.limits)
        let buffer = Buffer()
        var writer = try SheetWriter(format: reader.format) { buffer.bytes += $0 }
        var row = SheetRow()
        var search = HeaderSearch()
        var header: SheetHeader?
        while header == nil, try reader.next(into: &row) { header = try search.offer(row, number: row.number) }
        guard let header else { throw search.failure }
        let columns = header.titles.indices.filter { header.titles[$0] != Self.reasonTitle }
        try writer.row(columns.map { header.titles[$0] } + [Self.reasonTitle])

        var reasons = try await reasons(after: 0)
        while var next = reasons.first {
            for reason in reasons {
                next = reason
                while row.number < reason.row, try reader.next(into: &row) {}
                guard row.number == reason.row else { throw ImportRefusal.fileRemoved }
                for column in columns { try writer.cell(row.utf8(column)) }
                try writer.cell(reason.text)
                try writer.endRow()
            }
            try await buffer.drain(output)
            reasons = try await self.reasons(after: next.row)
        }
        try writer.finish()
        try await buffer.drain(output)
    }

    /// Rows left out, with all that is wrong with them. Rows of the policy `fill_blank` were not left out.
    private func reasons(after: Int) async throws -> [(row: Int, text: String)] {
        try await store.pool.query(
            """
            SELECT r.row, (SELECT string_agg(e->>'message', '；') FROM jsonb_array_elements(r.errors) e
                WHERE e->>'code' NOT LIKE 'W%')
            FROM paidan.import_row r JOIN paidan.import_batch b ON b.id = r.import_id
            WHERE r.import_id = \(importID) AND r.row > \(after)::int
                AND (r.state = 'error' OR r.state = 'duplicate'
                    AND (b.duplicates <> 'fill_blank' OR r.errors->0->>'code' = 'D_IN_FILE'))
            ORDER BY r.row LIMIT \(Self.page)::int
            """
        ).map { (row: try $0.int(0), text: $0.optionalText(1) ?? "") }
    }

    /// Bytes between the writer, which cannot wait, and the output, which may.
    private final class Buffer {
        var bytes: [UInt8] = []

        func drain(_ output: ([UInt8]) async throws -> Void) async throws {
            guard !bytes.isEmpty else { return }
            let ready = bytes
            bytes = []
            try await output(ready)
        }
    }
}
