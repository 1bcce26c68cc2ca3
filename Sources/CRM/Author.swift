public import Postgres

/// Says who writes: the service, so that triggers which mend what pages of the CRM write stay out, and in whose name,
/// for the audit log. Counts from the next statement until the transaction ends.
public enum Author {
    /// - Parameter name: `user:ID`, `job:ID`, `command line` …
    public static func set(_ name: String, in tx: inout Transaction) {
        tx.later(
            Statement("SELECT set_config('paidan.actor', \(name), true), set_config('paidan.writer', 'service', true)"))
    }
}
