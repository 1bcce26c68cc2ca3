import Testing

@Suite struct RedisPlaceholderTests {}
