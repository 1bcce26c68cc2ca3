import Testing

@Suite struct JobsRedisPlaceholderTests {}
