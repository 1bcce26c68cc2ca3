internal import AsyncAlgorithms
public import CRM
internal import FoundationEssentials
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// What the endpoints of imports need.
public struct ImportsAPI: Sendable {
    let store: ImportStore
    /// Bytes of one upload.
    let maxBody: Int

    public init(store: ImportStore, maxBody: Int) {
        self.store = store
        self.maxBody = maxBody
    }
}

enum ImportEndpoints {
    static func all(_ imports: ImportsAPI) -> [Endpoint] {
        let store = imports.store
        return [
            Endpoint(
                .post, "/v1/imports", "Upload a sheet of customers", body: .stream(types: nil, limit: imports.maxBody),
                query: ["dry_run", "duplicates", "force", "sheet"], success: 202
            ) { call in
                try await upload(call, imports)
            },
            Endpoint(.get, "/v1/imports/template", "An empty sheet to fill in", query: ["format"]) { call in
                let name = try call.query.choice("format", ImportTemplate.allCases.map(\.rawValue)) ?? "xlsx"
                let template = ImportTemplate(rawValue: name) ?? .xlsx
                return download(try template.bytes(), template.fileName, SheetType.of(name))
            },
            Endpoint(.get, "/v1/imports/{id}", "One import") { call in
                .json(try await view(call, store))
            }.locating { _ = try await view($0, store) },
            Endpoint(
                .get, "/v1/imports/{id}/rows", "What became of each row", query: ["state", "cursor", "limit"]
            ) { call in
                try await rows(call, store)
            }.locating { _ = try await view($0, store) },
            Endpoint(
                .get, "/v1/imports/{id}/errors", "The rows that were not taken, to mend and import again"
            ) { call in
                try await errors(call, store)
            }.locating { _ = try await view($0, store) },
            Endpoint(
                .post, "/v1/imports/{id}/cancel", "Stop an import between two chunks"
            ) { call in
                try await judged { try await store.cancel(try id(call), actor: call.actor) }
                return .json(try await view(call, store))
            }.locating { _ = try await view($0, store) },
            Endpoint(
                .post, "/v1/imports/{id}/undo", "Take back the customers that nobody has touched", success: 202
            ) { call in
                let job = try await judged {
                    try await store.requestUndo(
                        try id(call), actor: call.actor, traceparent: call.header(.traceparent))
                }
                return .json(
                    JSONWriter.object { out in
                        out.field("id", call.parameters["id"])
                        out.field("job_id", job)
                    }, status: .accepted)
            }.locating { _ = try await view($0, store) },
        ]
    }

    private static func upload(_ call: Call, _ imports: ImportsAPI) async throws -> Reply {
        var new = NewImport(fileName: "upload")
        new.dryRun = try call.query.boolean("dry_run")
        new.force = try call.query.boolean("force")
        let policy = try call.query.choice("duplicates", DuplicatePolicy.allCases.map(\.rawValue))
        new.duplicates = policy.flatMap { DuplicatePolicy(rawValue: $0) } ?? .skip
        new.sheet = call.query["sheet"]
        new.uploadedBy = try Int(call.identified().userID)
        new.traceparent = call.header(.traceparent)
        let upload = SheetUpload(store: imports.store, limit: imports.maxBody)
        switch try await upload.take(call, new) {
        case .accepted(let ticket):
            return .json(
                JSONWriter.object { out in
                    out.field("id", id: ticket.id)
                    out.field("state", ticket.state)
                    out.field("job_id", ticket.jobID)
                }, status: .accepted
            ).with(.location, "/v1/imports/\(ticket.id)")
        case .duplicateFile(let earlier):
            var problem = Problem.conflict(
                "duplicate_file",
                "The same file was imported within 24 hours as import \(earlier); force=true imports it again.")
            problem.members = [("import_id", "\(earlier)")]
            throw problem
        }
    }

    private static func view(_ call: Call, _ store: ImportStore) async throws -> [UInt8] {
        guard let view = try await store.view(try id(call)) else { throw Problem.notFound("such import") }
        return Array(try JSONEncoder().encode(view))
    }

    private static func rows(_ call: Call, _ store: ImportStore) async throws -> Reply {
        let importID = try id(call)
        guard try await store.view(importID) != nil else { throw Problem.notFound("such import") }
        let state = try call.query.choice("state", ["ok", "duplicate", "error", "skipped"])
        let cursor = call.query.cursor
        guard let after = cursor.map({ Int($0) }) ?? 0, after >= 0, after <= Int(Int32.max) else {
            throw Problem.invalid([FieldError("/cursor", "type", "is no cursor of this list")])
        }
        guard let page = try await store.rows(importID, state: state, after: after, limit: try call.query.limit())
        else {
            throw Problem.notFound("such import")
        }
        return .json(Array(try JSONEncoder().encode(page)))
    }

    private static func errors(_ call: Call, _ store: ImportStore) async throws -> Reply {
        let importID = try id(call)
        let sheet = try await judged { try await ErrorSheet(store, importID) }
        var reply = Reply(body: streamed { try await sheet.write($0) })
        reply.headers[.contentType] = sheet.mediaType
        reply.headers[.contentDisposition] = disposition(sheet.fileName)
        return reply
    }

    /// A body that is made while it is sent: a sheet may be as large as the upload. The maker waits for the reader.
    private static func streamed(
        _ make: @escaping @Sendable (_ write: @escaping @Sendable ([UInt8]) async throws -> Void) async throws -> Void
    ) -> ResponseBody {
        ResponseBody { writer in
            let pieces = AsyncThrowingChannel<ByteBuffer, any Error>()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    do {
                        try await make { await pieces.send(ByteBuffer(bytes: $0)) }
                        pieces.finish()
                    } catch {
                        pieces.fail(error)
                    }
                }
                for try await piece in pieces { try await writer.write(piece) }
                try await writer.finish(nil)
            }
        }
    }

    private static func download(_ bytes: [UInt8], _ name: String, _ type: String) -> Reply {
        Reply.typed(bytes, type, status: .ok).with(.contentDisposition, disposition(name))
    }

    /// RFC 6266, with the name in UTF-8.
    private static func disposition(_ name: String) -> String {
        let plain = name.utf8.map { byte -> String in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                return String(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                return "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return "attachment; filename*=UTF-8''\(plain.joined())"
    }

    private static func id(_ call: Call) throws -> Int { Int(try call.id(of: "such import")) }

    private static func judged<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let refusal as ImportRefusal {
            switch refusal {
            case .notFound: throw Problem.notFound("such import")
            case .state(let state):
                throw Problem.conflict("state", "The import is \(state), which does not allow this.")
            case .fileRemoved:
                throw Problem(
                    .gone, "file_removed", "Gone",
                    "The uploaded file is no longer kept, so this cannot be made any more.")
            }
        }
    }
}

/// Media types of sheets.
enum SheetType {
    static func of(_ format: String) -> String {
        format == "csv"
            ? "text/csv; charset=utf-8" : "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    }
}
