public import Redis

/// The seller list in Redis as texts; what a token means is not known here.
///
/// Keys: ``SellerListKeys`` and `paidan:{assign}:loaded`, which says which load is in the list.
public struct SellerListScripts: Sendable {
    private static let loaded = "paidan:{assign}:loaded"
    private static let loadScript = String(decoding: PackageResources.seller_list_load_lua, as: UTF8.self)
    private static let returnScript = String(decoding: PackageResources.seller_list_return_lua, as: UTF8.self)

    private let client: RedisClient

    public init(_ client: RedisClient) { self.client = client }

    /// Takes up to `count` tokens from the front, in order.
    public func pop(_ count: Int) async throws(RedisError) -> [String] {
        if count <= 0 { return [] }
        let reply = try await client.send(RedisCommand("LPOP", SellerListKeys.list, String(count)))
        return reply.array?.compactMap(\.string) ?? []
    }

    /// Puts tokens of one cycle back to the front, in their order.
    public func giveBack(_ tokens: [String]) async throws(RedisError) {
        if tokens.isEmpty { return }
        var command = RedisCommand("EVAL", Self.returnScript, "2", SellerListKeys.list, Self.loaded)
        for token in tokens { command.append(token) }
        _ = try await client.send(command)
    }

    /// Replaces the list and its backup copy, unless a newer load is there.
    ///
    /// - Returns: false if one was.
    public func load(
        cycle: Int, stamp: Int, rankVersion: Int, open: [String], whole: [String]
    ) async throws(RedisError) -> Bool {
        var command = RedisCommand(
            "EVAL", Self.loadScript, "4", SellerListKeys.list, SellerListKeys.origin, SellerListKeys.reset, Self.loaded)
        command.append(cycle)
        command.append(stamp)
        command.append(rankVersion)
        command.append(open.count)
        for token in open { command.append(token) }
        for token in whole { command.append(token) }
        return try await client.send(command).int == 1
    }

    /// Leaves the version of the shares that the next cycle is to be built from.
    public func requestReload(version: Int) async throws(RedisError) {
        _ = try await client.send(RedisCommand("SET", SellerListKeys.reset, String(version)))
    }
}
