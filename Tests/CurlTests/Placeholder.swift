import Testing

@Suite struct CurlPlaceholderTests {}
