internal import Postgres

/// A text that somebody must write to do something: a note, a reason.
struct SpokenText: Sendable {
    let text: String
    /// JSON pointer into the body, `/note`.
    let pointer: String
    /// Most characters, counted as PostgreSQL counts them.
    let limit: Int

    /// What can be said without a database; `nil` if nothing is wrong so far.
    var problem: CustomerProblem? {
        if text.utf8.contains(0) {
            return CustomerProblem(pointer: pointer, code: "type", message: "must not have the character U+0000")
        }
        if text.unicodeScalars.count > limit {
            return CustomerProblem(pointer: pointer, code: "range", message: "must have at most \(limit) characters")
        }
        return nil
    }

    /// - Returns: why it is not taken; `nil` if it is.
    func problem(in tx: inout Transaction) throws -> CustomerProblem? {
        if let problem { return problem }
        if try OwnershipStore.isVisible(text, in: &tx) { return nil }
        return CustomerProblem(pointer: pointer, code: "required", message: "must have a visible character")
    }
}
