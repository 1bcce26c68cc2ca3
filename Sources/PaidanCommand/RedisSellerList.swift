internal import CRM
internal import JobsRedis
internal import Redis

/// The seller list that the assignment uses, in Redis.
struct RedisSellerList: SellerList {
    private let scripts: SellerListScripts

    init(_ client: RedisClient) { scripts = SellerListScripts(client) }

    /// What is no token of ours (another program pushed it) is dropped.
    func pop(_ count: Int) async throws -> [SlotToken] {
        var tokens: [SlotToken] = []
        var taken = 0
        // Fewer than asked for means that the list ran out, so a dropped text is made good.
        while taken < count {
            let texts = try await scripts.pop(count - taken)
            if texts.isEmpty { break }
            tokens += texts.compactMap { SlotToken($0) }
            if texts.count < count - taken { break }
            taken = tokens.count
        }
        return tokens
    }

    func giveBack(_ tokens: [SlotToken]) async throws {
        guard let cycle = tokens.map(\.cycle).max() else { return }
        try await scripts.giveBack(tokens.filter { $0.cycle == cycle }.map(\.description))
    }

    func load(_ load: CycleLoad) async throws {
        _ = try await scripts.load(
            cycle: load.cycle, stamp: load.stamp, rankVersion: load.rankVersion, open: load.open.map(\.description),
            whole: load.whole.map(\.description))
    }

    func requestReload(version: Int) async throws { try await scripts.requestReload(version: version) }
}
