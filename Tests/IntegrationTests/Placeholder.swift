import Testing

@Suite struct IntegrationPlaceholderTests {}
