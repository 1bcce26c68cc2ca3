/// How far an import has come; written by every transaction that moves it on, so a killed worker's successor goes on there.
struct ImportCheckpoint: Sendable, Equatable {
    enum Stage: String, Sendable {
        /// Rows up to `row` stand in the staging table.
        case reading
        /// All rows are read; rows up to `row` are stored.
        case storing
        /// All rows are stored; referrals of rows up to `row` are set.
        case referring
        /// Nothing is left for the import's own job.
        case stored
    }

    /// Grows by 1 with each such transaction: a worker that finds another number has been overtaken.
    var step = 0
    var stage = Stage.reading
    var row = 0
    /// Chunks stored so far.
    var chunks = 0
    var uses = ImportUses()

    func next(_ change: (inout Self) -> Void) -> Self {
        var copy = self
        change(&copy)
        copy.step += 1
        return copy
    }

    var json: [UInt8] {
        Array(
            """
            {"step":\(step),"stage":"\(stage.rawValue)","row":\(row),"chunks":\(chunks),"referrals":\(uses.referrals),\
            "consultants":\(uses.consultants),"courses":\(uses.courses),"memos":\(uses.memos)}
            """.utf8)
    }
}

/// Another worker has moved this import on, or it was ended: the one that meets this stops.
struct ImportOvertaken: Error {}

/// The uploader asked to stop; met between two transactions.
struct ImportCancelled: Error {}
