#if DEBUG
import Foundation
import Jobs
import JobsPostgres
import Postgres
import SystemPackage

/// Kinds whose every effect is a row that can be counted: the table has no unique constraint, so only receipts keep an
/// effect from happening twice. `PAIDAN_CHAOS=FILE` adds them; each run appends the number of its jobs to the file.
///
/// `chaos.mark` (batch) and `chaos.single` write `(mark, n)`; every third mark has a `chaos.follow` in the outbox, which
/// writes `(follow, n)`.
struct ChaosKinds: Sendable {
    static let variable = "PAIDAN_CHAOS"

    private struct Arguments: Decodable, Sendable { let n: Int }

    private let journal: FileDescriptor
    private let point: CrashPoint?

    /// - Throws: `Errno` if the file cannot be opened.
    static func fromEnvironment(point: CrashPoint?) throws -> ChaosKinds? {
        guard let path = ProcessInfo.processInfo.environment[variable] else { return nil }
        let file = try FileDescriptor.open(
            FilePath(path), .writeOnly, options: [.create, .append], permissions: [.ownerReadWrite])
        return ChaosKinds(journal: file, point: point)
    }

    @Sendable func kinds(_ pool: PostgresPool) -> [Kind] {
        [
            .batch("chaos.mark", size: 256, queue: "default", hasEffect: true) {
                (claims: [(claim: Claim, arguments: Arguments)], _) in
                try await run("chaos.mark", claims.map { ($0.claim.id, $0.arguments.n) }, pool)
                return claims.map { _ in .done() }
            },
            .single("chaos.single", queue: "critical", hasEffect: true) { (claim, arguments: Arguments, _) in
                try await run("chaos.single", [(claim.id, arguments.n)], pool)
                return .done()
            },
            .batch("chaos.follow", size: 256, queue: "bulk", hasEffect: true) {
                (claims: [(claim: Claim, arguments: Arguments)], _) in
                try await run("chaos.follow", claims.map { ($0.claim.id, $0.arguments.n) }, pool)
                return claims.map { _ in .done() }
            },
        ]
    }

    /// Receipts, effects and what follows from them in one transaction, as every kind of the product does it.
    private func run(_ kind: String, _ jobs: [(id: String, n: Int)], _ pool: PostgresPool) async throws {
        try journal.writeAll("\(jobs.count)\n".utf8)
        let mark = kind == "chaos.follow" ? "follow" : "mark"
        try await pool.transaction { tx in
            let new: Set<String>
            if jobs.count == 1 {
                new = try Receipts.take(jobs[0].id, kind: kind, in: &tx) ? [jobs[0].id] : []
            } else {
                new = try Receipts.take(jobs.map { (id: $0.id, kind: kind) }, in: &tx)
            }
            let open = jobs.filter { new.contains($0.id) }
            _ = try tx.query(
                """
                INSERT INTO chaos.effect (mark, n, job)
                SELECT \(mark), n::bigint, job
                FROM unnest(\(open.map { String($0.n) })::text[], \(open.map(\.id))::text[]) AS done (n, job)
                """)
            if open.count < jobs.count {
                _ = try tx.query("INSERT INTO chaos.refused (jobs) VALUES (\(jobs.count - open.count))")
            }
            if mark == "mark" {
                let follows = open.filter { $0.n.isMultiple(of: 3) }.map { job in
                    OutboxJob(kind: "chaos.follow", args: Array("{\"n\":\(job.n)}".utf8))
                }
                try Outbox.append(follows, in: &tx)
            }
            point?.reach(.written, [kind])
        }
    }
}
#endif
