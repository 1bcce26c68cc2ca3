import Foundation
import Postgres
import TestSupport
import Testing

@Suite("Killed at any moment")
struct KillTests {
    @Test("kill -9 three times during an import of 20,000 rows")
    func threeTimes() async throws {
        try await World.with { world in
            var service = try await world.serve()
            let sheet = Sheet(rows: 20_000)
            let id = try await world.upload(sheet.csv, to: service)
            // Each row is read, stored and assigned; one kill falls into each third of that.
            let third = (sheet.rows + 2 * sheet.ok) / 3
            for number in 0..<3 {
                let moment = Int.random(in: number * third..<(number + 1) * third)
                try await until("\(moment) steps done", within: .seconds(60)) {
                    try await world.count(
                        """
                        SELECT (SELECT count(*) FROM paidan.import_row WHERE import_id = \(id))
                            + (SELECT count(*) FROM crm_customer) + (SELECT count(*) FROM crm_customerdistribution)
                        """) >= moment
                }
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...60)))
                try await service.kill()
                FileHandle.standardError.write(Data("killed after \(moment) steps\n".utf8))
                service = try await world.serve()
            }
            try await world.rest(within: .seconds(90))
            try await world.check([id: sheet])
        }
    }
}
