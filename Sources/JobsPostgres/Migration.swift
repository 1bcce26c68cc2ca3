/// One numbered SQL file, applied once in a transaction of its own.
public struct Migration: Sendable, Equatable {
    /// Position in the one numbering of all modules, from 1.
    public let number: Int
    /// File name without its extension, `m001_settings`.
    public let name: String
    public let sql: String

    public init(number: Int, name: String, sql: String) {
        self.number = number
        self.name = name
        self.sql = sql
    }
}
