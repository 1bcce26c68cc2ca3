import Testing

@Suite struct CRMPlaceholderTests {}
