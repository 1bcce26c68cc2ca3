import Testing

@Suite struct OwnerThreadPlaceholderTests {}
