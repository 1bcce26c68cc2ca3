import Testing

@Suite struct JobsPostgresPlaceholderTests {}
