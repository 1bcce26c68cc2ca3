internal import HTTPTypes
internal import Hummingbird
internal import Jobs

/// Many jobs in one request: a JSON object a line, all or none.
struct BulkForm {
    static let mostLines = 10_000
    static let mostBytes = 8 << 20

    let form: JobForm

    func enqueue(_ call: Call) async throws -> Reply {
        let bytes = try await Responder.collect(call.request, Self.mostBytes)
        let traceparent = call.header(.traceparent)
        var jobs: [NewJob] = []
        var errors: [FieldError] = []
        var number = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
            guard jobs.count + errors.count < Self.mostLines else {
                throw Problem(
                    .contentTooLarge, "too_large", "Too large", "A bulk may have at most \(Self.mostLines) lines.")
            }
            do {
                var fields = try Fields(line, base: "/\(number)")
                let job = form.read(&fields, traceparent: traceparent)
                fields.close()
                errors += fields.errors
                if let job, fields.errors.isEmpty { jobs.append(job) }
            } catch let problem as Problem {
                errors += problem.errors.isEmpty ? [FieldError("/\(number)", "malformed", problem.detail)] : problem.errors
            }
        }
        guard errors.isEmpty else { throw Problem.invalid(errors) }
        let enqueued =
            jobs.isEmpty ? [] : try await JobEndpoints.refusable { try await form.jobs.door.enqueue(jobs) }
        return .json(
            JSONWriter.object { out in
                out.field("accepted", enqueued.count)
                out.array("ids") { out in
                    for job in enqueued { out.element(job.id) }
                }
            }, status: .accepted)
    }
}
