extension PostgresConfiguration {
    /// The password that stands in ``conninfo``, so that it can be kept out of logs.
    ///
    /// - Throws: ``PostgresError`` if libpq would not understand the string.
    public func password() throws(PostgresError) -> String? {
        let password = try ConnectionString(conninfo).value(of: "password")
        return password?.isEmpty == false ? password : nil
    }
}
