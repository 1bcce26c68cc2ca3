import Testing

@Suite struct ObservabilityPlaceholderTests {}
