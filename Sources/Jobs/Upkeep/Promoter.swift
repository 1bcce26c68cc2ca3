public import Logging
public import ServiceLifecycle

/// Moves due jobs to the ready lists: when the next is due, and at least every second.
public struct Promoter: Service {
    let store: any JobStore
    let logger: Logger

    public init(store: any JobStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                let pause = await step()
                if pause > .zero { try? await Task.sleep(for: pause) }
            }
        }
    }

    /// - Returns: time until the next step.
    func step() async -> Duration {
        do {
            let promotion = try await store.promote()
            return min(promotion.nextDue ?? .seconds(1), .seconds(1))
        } catch {
            logger.debug("promoter could not look", metadata: ["error": "\(error)"])
            return .seconds(1)
        }
    }
}
