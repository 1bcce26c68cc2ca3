import CRM
import Curl
import Foundation
import SystemPackage

/// Where a sheet goes in: over HTTP, or straight to the stores.
protocol ImportDoor: Sendable {
    func upload(_ file: String, _ new: NewImport) async throws -> Int
    func view(_ id: Int) async throws -> ImportView
    func writeErrors(_ id: Int, to path: String) async throws
    func close()
}

struct StoreImportDoor: ImportDoor {
    let composition: Composition
    private static let pieceBytes = 256 << 10

    func upload(_ file: String, _ new: NewImport) async throws -> Int {
        let descriptor = try FileDescriptor.open(FilePath(file), .readOnly)
        defer { try? descriptor.close() }
        var upload = try await ImportUpload(composition.imports, new, limit: composition.conf.http.maxBody)
        do {
            while let piece = try Self.read(descriptor), !piece.isEmpty { try await upload.write(piece) }
        } catch let error as UploadTooLarge {
            try? await upload.abandon()
            throw CommandFailure.refused("\(file) is larger than http.max_body (\(error.limit) bytes).")
        }
        switch try await upload.finish() {
        case .accepted(let ticket): return ticket.id
        case .duplicateFile(let earlier): throw ImportDoorMessages.duplicate(earlier)
        }
    }

    private static func read(_ descriptor: FileDescriptor) throws -> [UInt8]? {
        guard let data = try FileHandle(fileDescriptor: descriptor.rawValue).read(upToCount: pieceBytes) else {
            return nil
        }
        return [UInt8](data)
    }

    func view(_ id: Int) async throws -> ImportView {
        guard let view = try await composition.imports.view(id) else { throw ImportDoorMessages.missing(id) }
        return view
    }

    func writeErrors(_ id: Int, to path: String) async throws {
        let sheet = try await ErrorSheet(composition.imports, id)
        let descriptor = try FileDescriptor.open(
            FilePath(path), .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite, .groupRead])
        defer { try? descriptor.close() }
        try await sheet.write { _ = try descriptor.writeAll($0) }
    }

    func close() { composition.close() }
}

struct HTTPImportDoor: ImportDoor {
    let base: String
    let token: String
    private let curl = CurlClient()

    init(base: String, token: String) {
        self.base = base
        self.token = token
    }

    func upload(_ file: String, _ new: NewImport) async throws -> Int {
        let body = [UInt8](try Data(contentsOf: URL(filePath: file)))
        var query = "dry_run=\(new.dryRun)&duplicates=\(new.duplicates.rawValue)&force=\(new.force)"
        if let sheet = new.sheet { query += "&sheet=\(Self.encoded(sheet))" }
        let disposition = "attachment; filename*=UTF-8''\(Self.encoded(new.fileName))"
        let answer = try await send(
            "POST", "/v1/imports?\(query)", body: body,
            headers: [("Content-Type", "application/octet-stream"), ("Content-Disposition", disposition)])
        if answer.status == 409, let problem = try? JSONDecoder().decode(Conflict.self, from: Data(answer.body)) {
            throw ImportDoorMessages.duplicate(Int(problem.importID) ?? 0)
        }
        guard answer.status == 202, let ticket = try? JSONDecoder().decode(Ticket.self, from: Data(answer.body)),
            let id = Int(ticket.id)
        else { throw Self.failure(answer) }
        return id
    }

    func view(_ id: Int) async throws -> ImportView {
        let answer = try await send("GET", "/v1/imports/\(id)")
        guard answer.status == 200 else { throw Self.failure(answer) }
        return try JSONDecoder().decode(ImportView.self, from: Data(answer.body))
    }

    func writeErrors(_ id: Int, to path: String) async throws {
        let answer = try await send("GET", "/v1/imports/\(id)/errors", limit: 2 << 30)
        guard answer.status == 200 else { throw Self.failure(answer) }
        try Data(answer.body).write(to: URL(filePath: path))
    }

    func close() { curl.close() }

    private struct Ticket: Decodable { let id: String }
    private struct Conflict: Decodable {
        let importID: String

        private enum CodingKeys: String, CodingKey { case importID = "import_id" }
    }
    private struct ProblemBody: Decodable { let detail: String }

    private func send(
        _ method: String, _ path: String, body: [UInt8] = [], headers: [(name: String, value: String)] = [],
        limit: Int = 1 << 20
    ) async throws -> HTTPResponse {
        var request = HTTPRequest(
            method, base + path, headers: headers + [("Authorization", "Bearer \(token)")], body: body)
        request.timeout = .seconds(600)
        request.responseLimit = limit
        do {
            return try await curl.send(request)
        } catch {
            throw CommandFailure.failed("\(base) does not answer (\(error)); is `paidan serve` running there?")
        }
    }

    private static func failure(_ answer: HTTPResponse) -> CommandFailure {
        let detail = (try? JSONDecoder().decode(ProblemBody.self, from: Data(answer.body)))?.detail ?? ""
        let text = "The service answered \(answer.status): \(detail)"
        let isRefusal = (400..<500).contains(answer.status) && answer.status != 408 && answer.status != 429
        return isRefusal ? .refused(text) : .failed(text)
    }

    private static func encoded(_ text: String) -> String {
        var allowed = CharacterSet.alphanumerics
        allowed.formIntersection(CharacterSet(charactersIn: "\u{0}"..."\u{7F}"))
        allowed.insert(charactersIn: "-._~")
        return text.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
    }
}

enum ImportDoorMessages {
    static func duplicate(_ earlier: Int) -> CommandFailure {
        .refused("The same file was imported within 24 hours as import \(earlier); --force imports it again.")
    }

    static func missing(_ id: Int) -> CommandFailure { .refused("There is no import \(id).") }
}
