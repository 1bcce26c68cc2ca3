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
        } catch let failure as ImportFailure {
            try await store.fail(state, failure)
            context.logger.info("import failed", metadata: ["import.id": "\(importID)", "code": "\(failure.code)"])
            return .done()
        } catch let error as SheetError {
            try await store.fail(state, ImportFailure(code: error.code.rawValue, message: error.message))
            context.logger.info(
                "import failed", metadata: ["import.id": "\(importID)", "code": "\(error.code.rawValue)"])
            return .done()
        } catch is ImportCancelled {
            try await store.endCancelled(state)
            return .done()
        } catch is ImportOvertaken {
            // Whoever overtook this run ends the import; looking again later costs nothing and covers its death.
            context.logger.info("import is in other hands", metadata: ["import.id": "\(importID)"])
            return .snooze(for: .seconds(10))
        }
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

    /// Reads and checks the sheet, batch by batch; the next is read while the last is being copied.
    private func read(_ state: inout ImportState) async throws {
        let spool = try await Spool.fill(state.id, from: store)
        let source = try await ImportSource.open(spool, state, store)
        var rows = try await source.next()
        while !rows.isEmpty {
            try Task.checkCancellation()
            let (batch, current) = (rows, state)
            async let staged = store.stage(batch, current)
            let following = try await source.next()
            try await move(&state, to: staged)
            rows = following
        }
        guard source.hasRows || state.checkpoint.row > 0 else {
            throw ImportFailure(code: "F_EMPTY", message: "表头下面没有数据行。")
        }
    }
}
