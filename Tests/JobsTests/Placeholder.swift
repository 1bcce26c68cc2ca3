import Testing

@Suite struct JobsPlaceholderTests {}
