import Testing

@Suite struct ChannelsPlaceholderTests {}
