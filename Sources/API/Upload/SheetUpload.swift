internal import CRM
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// Streams a sheet from a request into the store; holds one piece of it at a time.
struct SheetUpload: Sendable {
    let store: ImportStore
    let limit: Int

    /// Takes the file of a multipart form (field `file`), else the whole body.
    ///
    /// - Throws: `Problem` 400 for a broken form, 413 over the limit, 422 without a file.
    func take(_ call: Call, _ new: NewImport) async throws -> UploadResult {
        guard let type = call.header(.contentType), Responder.mediaType(type) == "multipart/form-data" else {
            return try await takeBody(call, new)
        }
        guard let boundary = MultipartParser.boundary(of: type) else {
            throw Problem.malformed("multipart/form-data needs a boundary.")
        }
        return try await takeForm(call, new, boundary)
    }

    private func takeBody(_ call: Call, _ new: NewImport) async throws -> UploadResult {
        var new = new
        new.fileName = call.header(.contentDisposition).flatMap { HeaderValue($0).fileName } ?? new.fileName
        var upload = try await ImportUpload(store, new, limit: limit)
        return try await finishing(&upload) { upload in
            for try await piece in call.request.body { try await upload.write(piece.readableBytesView) }
        }
    }

    private func takeForm(_ call: Call, _ new: NewImport, _ boundary: String) async throws -> UploadResult {
        var parser = MultipartParser(boundary: boundary)
        var upload: ImportUpload?
        var inFile = false
        do {
            for try await piece in call.request.body {
                for event in try parser.feed(piece.readableBytesView) {
                    switch event {
                    case .part(let headers):
                        inFile = headers.name == "file"
                        guard inFile else { continue }
                        guard upload == nil else {
                            throw Problem.invalid([FieldError("/file", "duplicate", "is given twice")])
                        }
                        var new = new
                        new.fileName = headers.fileName ?? new.fileName
                        upload = try await ImportUpload(store, new, limit: limit)
                    case .data(let bytes):
                        if inFile { try await upload?.write(bytes) }
                    case .endOfPart: inFile = false
                    }
                }
            }
            guard parser.isComplete else { throw Problem.malformed("The form ends before its last boundary.") }
            guard var upload else {
                throw Problem.invalid([
                    FieldError("/file", "required", "is missing: send the sheet as the field `file`")
                ])
            }
            return try await upload.finish()
        } catch {
            try? await upload?.abandon()
            throw judged(error)
        }
    }

    private func finishing(
        _ upload: inout ImportUpload, _ body: (inout ImportUpload) async throws -> Void
    ) async throws -> UploadResult {
        do {
            try await body(&upload)
            return try await upload.finish()
        } catch {
            // What cannot be removed now is removed by the reconciler.
            try? await upload.abandon()
            throw judged(error)
        }
    }

    private func judged(_ error: any Error) -> any Error {
        switch error {
        case let error as UploadTooLarge: Problem.tooLarge(error.limit)
        case let error as MultipartParser.Malformed: Problem.malformed("The form is broken: \(error.problem).")
        default: error
        }
    }
}
