/// An import as `GET /v1/imports/{id}` shows it.
public struct ImportView: Sendable, Equatable, Codable {
    public struct Rows: Sendable, Equatable, Codable {
        public let read, ok, duplicate, error, skipped: Int
    }

    public struct Failure: Sendable, Equatable, Codable {
        public let code: String
        public let message: String
    }

    /// What an undo took back, and what it left and why.
    public struct Undo: Sendable, Equatable, Codable {
        public struct Kept: Sendable, Equatable, Codable {
            public let row: Int
            public let customerID: String
            public let why: KeptReason

            private enum CodingKeys: String, CodingKey {
                case row
                case customerID = "customer_id"
                case why
            }
        }

        public let undoneAt: String?
        public let removed: Int?
        public let kept: Int?
        /// The first 1000.
        public let keptRows: [Kept]

        private enum CodingKeys: String, CodingKey {
            case undoneAt = "undone_at"
            case removed, kept
            case keptRows = "kept_rows"
        }
    }

    public let id: String
    /// `uploading queued running done failed cancelled undone`.
    public let state: String
    /// `reading storing assigning reporting`; nil before it runs.
    public let phase: String?
    public let fileName: String
    public let rows: Rows
    /// Customers who have got a seller.
    public let assigned: Int
    public let dryRun: Bool
    public let duplicates: String
    public let jobID: String?
    public let createdAt: String
    public let startedAt: String?
    public let finishedAt: String?
    /// W_UNKNOWN_COLUMN.
    public let warnings: [RowIssueView]
    public let error: Failure?
    /// Only of one that is undone.
    public let undo: Undo?

    private enum CodingKeys: String, CodingKey {
        case id, state, phase
        case fileName = "file_name"
        case rows, assigned
        case dryRun = "dry_run"
        case duplicates
        case jobID = "job_id"
        case createdAt = "created_at"
        case startedAt = "started_at"
        case finishedAt = "finished_at"
        case warnings, error, undo
    }

    public func encode(to encoder: any Encoder) throws {
        var out = encoder.container(keyedBy: CodingKeys.self)
        try out.encode(id, forKey: .id)
        try out.encode(state, forKey: .state)
        try out.encode(phase, forKey: .phase)
        try out.encode(fileName, forKey: .fileName)
        try out.encode(rows, forKey: .rows)
        try out.encode(assigned, forKey: .assigned)
        try out.encode(dryRun, forKey: .dryRun)
        try out.encode(duplicates, forKey: .duplicates)
        try out.encode(jobID, forKey: .jobID)
        try out.encode(createdAt, forKey: .createdAt)
        try out.encode(startedAt, forKey: .startedAt)
        try out.encode(finishedAt, forKey: .finishedAt)
        try out.encode(warnings, forKey: .warnings)
        try out.encodeIfPresent(error, forKey: .error)
        try out.encodeIfPresent(undo, forKey: .undo)
    }
}

/// One thing that is said about a row, as the interface shows it.
public struct RowIssueView: Sendable, Equatable, Codable {
    /// The other row's number, or the pool state of the customer who has the QQ.
    public enum Reference: Sendable, Equatable, Codable {
        case row(Int)
        case state(String)

        public init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let row = try? value.decode(Int.self) {
                self = .row(row)
            } else {
                self = .state(try value.decode(String.self))
            }
        }

        public func encode(to encoder: any Encoder) throws {
            var value = encoder.singleValueContainer()
            switch self {
            case .row(let row): try value.encode(row)
            case .state(let state): try value.encode(state)
            }
        }
    }

    public let code: String
    public let field: String?
    public let message: String
    public let ref: Reference?
}

/// One row of `GET /v1/imports/{id}/rows`.
public struct ImportRowView: Sendable, Equatable, Codable {
    /// The number that Excel shows.
    public let row: Int
    /// `ok duplicate error skipped`.
    public let state: String
    public let errors: [RowIssueView]
    public let customerID: String?
    /// Dry runs only: who would get the customer.
    public let predictedUserID: String?

    private enum CodingKeys: String, CodingKey {
        case row, state, errors
        case customerID = "customer_id"
        case predictedUserID = "predicted_user_id"
        case code, field, message
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        row = try values.decode(Int.self, forKey: .row)
        state = try values.decode(String.self, forKey: .state)
        errors = try values.decodeIfPresent([RowIssueView].self, forKey: .errors) ?? []
        customerID = try values.decodeIfPresent(String.self, forKey: .customerID)
        predictedUserID = try values.decodeIfPresent(String.self, forKey: .predictedUserID)
    }

    public func encode(to encoder: any Encoder) throws {
        var out = encoder.container(keyedBy: CodingKeys.self)
        try out.encode(row, forKey: .row)
        try out.encode(state, forKey: .state)
        try out.encode(errors, forKey: .errors)
        try out.encode(customerID, forKey: .customerID)
        try out.encodeIfPresent(predictedUserID, forKey: .predictedUserID)
        // The first one again, for readers who want one reason a row.
        try out.encode(errors.first?.code, forKey: .code)
        try out.encode(errors.first?.field, forKey: .field)
        try out.encode(errors.first?.message, forKey: .message)
    }
}

/// One page of rows.
public struct ImportRowPage: Sendable, Equatable, Codable {
    public let items: [ImportRowView]
    /// Where the next page begins; nil on the last.
    public let nextCursor: String?

    private enum CodingKeys: String, CodingKey {
        case items
        case nextCursor = "next_cursor"
    }

    public func encode(to encoder: any Encoder) throws {
        var out = encoder.container(keyedBy: CodingKeys.self)
        try out.encode(items, forKey: .items)
        try out.encode(nextCursor, forKey: .nextCursor)
    }
}
