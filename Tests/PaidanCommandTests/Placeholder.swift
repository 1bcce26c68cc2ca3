import Testing

@Suite struct PaidanCommandPlaceholderTests {}
