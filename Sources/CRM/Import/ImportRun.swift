internal import Jobs
internal import Logging
internal import Postgres
internal import Spreadsheet

/// One run of an import's job, from wherever the last one stopped.
struct ImportRun {
    private let store: ImportStore
    private let forecast: (any AssignmentForecast)?
    private let claim: Claim
    private let context: JobContext

    init(_ store: ImportStore, _ forecast: (any AssignmentForecast)?, _ claim: Claim, _ context: JobContext) {
        self.store = store
        self.forecast = forecast
        self.claim = claim
        self.context = context
    }

    func run(_ importID: Int) async throws -> Outcome {
        guard var state = try await store.open(importID, jobID: claim.id) else { return .done() }
        do {
            try await work(&state)
            return .done(result: Array("{\"import_id\":\"\(importID)\"}".utf8))
        } catch {
            return try await end(state, after: error)
        }
    }

    /// What an error means for the import.
    private func end(_ state: ImportState, after error: any Error) async throws -> Outcome {
        do {
            switch error {
            case let failure as ImportFailure: return try await fail(state, failure)
            case let error as SheetError:
                return try await fail(state, ImportFailure(code: error.code.rawValue, message: error.message))
            case is ImportCancelled:
                try await store.endCancelled(state)
                return .done()
            case is ImportOvertaken, is CancellationError: throw error
            case let error as PostgresError where error.isInfrastructure || error.code == .cancelled: throw error
            default:
                guard claim.attempt >= claim.maxAttempts ?? Self.attempts else { throw error }
                try await store.giveUp(state.id, message: "导入中断：服务内部错误，已写入的客户保留，请联系管理员。")
                return .dead(code: "internal", message: "\(error)")
            }
        } catch is ImportOvertaken {
            // Whoever overtook this run ends the import; looking again later costs nothing and covers its death.
            context.logger.info("import is in other hands", metadata: ["import.id": "\(state.id)"])
            return .snooze(for: .seconds(10))
        }
    }

    /// Runs before the job is dead.
    static let attempts = 10

    private func fail(_ state: ImportState, _ failure: ImportFailure) async throws -> Outcome {
        try await store.fail(state, failure)
        context.logger.info("import failed", metadata: ["import.id": "\(state.id)", "code": "\(failure.code)"])
        return .done()
    }

    private func work(_ state: inout ImportState) async throws {
        if state.checkpoint.stage == .reading {
            try await read(&state)
            try await move(&state, to: store.checkTogether(state))
        }
        while state.checkpoint.stage == .storing {
            try Task.checkCancellation()
            try await move(&state, to: store.storeChunk(state))
        }
        try await state.isDryRun ? predict(&state) : refer(&state)
        try await store.finishStoring(state)
    }

    /// After a commit: the next step starts from there, and a crash from now on does not count with earlier ones.
    private func move(_ state: inout ImportState, to next: ImportCheckpoint) async throws {
        state.checkpoint = next
        await context.checkpointed()
        context.progress(done: next.row, total: next.row)
    }

    private func refer(_ state: inout ImportState) async throws {
        while let next = try await store.referChunk(state) { try await move(&state, to: next) }
    }

    private func predict(_ state: inout ImportState) async throws {
        guard let forecast else { return }
        let sellers = try await forecast.sellers(for: store.forecastSize(state))
        while let next = try await store.forecastChunk(state, sellers) { try await move(&state, to: next) }
    }

    private func next(_ source: ImportSource) async -> Result<StagedRows, any Error> {
        do { return .success(try await source.next()) } catch { return .failure(error) }
    }

    /// Reads and checks the sheet, batch by batch; the next is read while the last is being copied.
    private func read(_ state: inout ImportState) async throws {
        let spool = try await Spool.fill(state.id, from: store)
        let source = try await ImportSource.open(spool, state, store)
        var rows = try await source.next()
        while !rows.isEmpty {
            try Task.checkCancellation()
            let (batch, current) = (rows, state)
            async let staged = store.stage(batch, current)
            let following = await next(source)
            // Before a fault in the following rows counts: a fault ends the import from where it stands.
            try await move(&state, to: staged)
            rows = try following.get()
        }
        guard source.hasRows || state.checkpoint.row > 0 else {
            throw ImportFailure(code: "F_EMPTY", message: "表头下面没有数据行。")
        }
    }
}
