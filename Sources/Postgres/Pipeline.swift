internal import CPQ

extension Connection {
    /// Statements sent before answers are read; bounds what libpq has to keep in memory.
    static let longestPipeline = 256

    /// One command of the pipeline, whose result is read later.
    private enum Command {
        case prepare(statement: Int, PreparedStatements.Key, name: String)
        case run(statement: Int, PreparedStatements.Key)

        var statement: Int {
            switch self {
            case .prepare(let statement, _, _), .run(let statement, _): statement
            }
        }
    }

    mutating func pipeline(_ statements: ArraySlice<SQL>) throws(PostgresError) -> [Rows] {
        try makeRoomForPrepared()
        var encoded: [EncodedBinds] = []
        for (index, sql) in zip(statements.indices, statements) {
            do throws(PostgresError) {
                guard !sql.text.utf8.contains(0) else {
                    throw PostgresError(code: .binding, message: "the text of the statement holds a zero byte")
                }
                encoded.append(try EncodedBinds(sql.binds))
            } catch { throw error.with(statement: index) }
        }
        guard unsafe withHandle({ unsafe PQenterPipelineMode($0) }) == 1 else { throw failure(nil) }
        guard let commands = send(statements, encoded) else {
            let error = failure(nil)
            close()
            throw error
        }
        let (answers, first) = read(commands)
        let isSynchronised = nextResult()?.status == PGRES_PIPELINE_SYNC
        guard isSynchronised, unsafe withHandle({ unsafe PQexitPipelineMode($0) }) == 1 else {
            let error = first ?? failure(nil)
            close()
            throw error
        }
        if let first { throw first }
        return answers
    }

    /// - Returns: the commands sent, `nil` if sending failed.
    private mutating func send(_ statements: ArraySlice<SQL>, _ encoded: [EncodedBinds]) -> [Command]? {
        var commands: [Command] = []
        var names: [PreparedStatements.Key: String] = [:]
        for ((index, sql), binds) in zip(zip(statements.indices, statements), encoded) {
            let key = PreparedStatements.Key(text: sql.text, types: binds.types)
            let name = names[key] ?? prepared.name(of: key) ?? prepared.newName()
            if names[key] == nil, prepared.name(of: key) == nil {
                let types = binds.types
                let sent = unsafe withHandle { unsafe PQsendPrepare($0, name, sql.text, binds.count, types) }
                guard sent == 1 else { return nil }
                commands.append(.prepare(statement: index, key, name: name))
            }
            names[key] = name
            let sent = unsafe withHandle { raw in
                unsafe binds.withPointers { values, lengths, formats in
                    unsafe PQsendQueryPrepared(raw, name, binds.count, values, lengths, formats, 0)
                }
            }
            guard sent == 1 else { return nil }
            commands.append(.run(statement: index, key))
        }
        return unsafe withHandle { unsafe PQpipelineSync($0) } == 1 ? commands : nil
    }

    private mutating func read(_ commands: [Command]) -> (answers: [Rows], failure: PostgresError?) {
        var answers: [Rows] = []
        var first: PostgresError?
        for command in commands {
            let rows = nextResult()
            if let rows, rows.isCopy {
                // libpq would give result after result.
                let error = failure(rows)
                close()
                return (answers, first ?? error.with(statement: command.statement))
            }
            // Each command's results end with a null.
            if rows != nil { while nextResult() != nil {} }
            // What comes after the failed one was not run.
            if first != nil { continue }
            do throws(PostgresError) {
                try check(rows)
                switch command {
                case .prepare(_, let key, let name): prepared.insert(key, name: name)
                case .run: if let rows { answers.append(rows) }
                }
            } catch {
                if case .run(_, let key) = command { noteStale(error, rows, key) }
                first = error.with(statement: command.statement)
                if isLost { break }
            }
        }
        return (answers, first)
    }

    func nextResult() -> Rows? {
        unsafe withHandle { raw in
            unsafe PQgetResult(raw).map { unsafe Rows(takingOwnershipOf: $0) }
        } ?? nil
    }
}
