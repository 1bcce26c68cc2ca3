import TestSupport
import Testing

@Suite("The main job, end to end")
struct MainFlowTests {
    @Test("a sheet goes in over HTTP; every customer has a seller, everybody is told once")
    func wholeFlow() async throws {
        try await World.with { world in
            let service = try await world.serve()
            let (first, second) = (Sheet(rows: 1000), Sheet(rows: 333, first: 20_000_000))
            let a = try await world.upload(first.csv, to: service)
            let b = try await world.upload(second.csv, to: service)
            try await world.rest()
            try await world.check([a: first, b: second])
            #expect(world.messageIDs.count == Set(world.messageIDs).count, "a mail was sent twice")
        }
    }
}
