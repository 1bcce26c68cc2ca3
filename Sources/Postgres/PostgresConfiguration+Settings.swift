extension PostgresConfiguration {
    /// The statement that sets a new session up; its first column is the server's process.
    var sessionSettings: SQL {
        let silence = max(1, Int64(silence / .milliseconds(1)))
        let idle = max(1, silence / 3000)
        // jit: a plan that seems dear, as one does for which `enable_seqscan` is off, would be compiled for longer than it
        // runs.
        // The last four are for a client that the network has swallowed in mid-statement or in mid-COPY, where the first
        // does not count: the server asks whether it is there, and ends the session as soon. Over a unix socket they are
        // ignored. A server on another system than Linux refuses the last.
        return """
            SELECT pg_backend_pid(), set_config('DateStyle', 'ISO, YMD', false),
            set_config('IntervalStyle', 'iso_8601', false),
            set_config('TimeZone', \(timeZone), false), set_config('bytea_output', 'hex', false),
            set_config('jit', 'off', false),
            set_config('idle_in_transaction_session_timeout', \("\(silence)"), false),
            set_config('tcp_user_timeout', \("\(silence)"), false),
            set_config('tcp_keepalives_idle', \("\(idle)"), false),
            set_config('tcp_keepalives_interval', \("\(idle)"), false),
            CASE WHEN version() LIKE '%linux%'
                THEN set_config('client_connection_check_interval', \("\(idle * 1000)"), false) END
            """
    }
}
