public import CRM
internal import HTTPTypes
internal import Hummingbird
public import Jobs

/// Sweeps that people ask for, and forecasts.
public struct SweepsAPI: Sendable {
    let forecasts: ForecastStore
    let form: JobForm

    public init(forecasts: ForecastStore, form: JobForm) {
        self.forecasts = forecasts
        self.form = form
    }

    /// Enqueues a sweep; while one of the same day waits or runs, that one is answered.
    ///
    /// - Parameter asOf: `YYYY-MM-DD`; nil is today.
    /// - Throws: `Problem` 422 for a day that has not come, 409 if this program does not sweep.
    public func sweep(asOf: String?, traceparent: String? = nil) async throws -> JobView {
        let today = try await forecasts.today()
        if let asOf, asOf > today {
            throw Problem.invalid([
                FieldError("/as_of", "future", "is after today, \(today); only a dry run looks ahead")
            ])
        }
        guard let kind = form.jobs.kinds[SweepJob.kind] else {
            throw Problem.conflict("unknown_kind", "jobs.conf has switched \(SweepJob.kind) off.")
        }
        let job = NewJob(
            id: form.environment.makeID(), kind: kind.name, args: SweepArguments(asOf: asOf).json, queue: kind.queue,
            key: "\(kind.name):\(asOf ?? today)", traceparent: JobForm.acceptable(traceparent))
        return await JobEndpoints.view(of: try await form.jobs.door.enqueue([job])[0], job, form)
    }

    /// `{as_of, counts: {"3", "4"}, items}` in pieces.
    ///
    /// - Parameter asOf: `YYYY-MM-DD`, may be ahead; nil is today.
    public func forecast(asOf: String?) async throws -> [[UInt8]] {
        let forecast = try await forecasts.forecast(asOf: asOf)
        let counts = "{\"3\":\(forecast.counts.notFollowed),\"4\":\(forecast.counts.notSigned)}"
        var pieces = [Array("{\"as_of\":\"\(forecast.asOf)\",\"counts\":\(counts),\"items\":[".utf8)]
        for (number, items) in forecast.items.enumerated() {
            if number > 0 { pieces.append([UInt8(ascii: ",")]) }
            pieces.append(items)
        }
        return pieces + [Array("]}".utf8)]
    }
}

enum SweepEndpoint {
    static func endpoint(_ sweeps: SweepsAPI) -> Endpoint {
        Endpoint(
            .post, "/v1/sweeps", "Sweep expired customers now, or forecast who would lose what",
            body: .json(isOptional: true),
            success: 200, 202
        ) { call in
            var fields = try call.fields()
            let asOf = fields.string("as_of")
            if let asOf, !Day.isValid(asOf) { fields.note("as_of", "type", "must be a day such as 2026-01-31") }
            let isDryRun = fields.boolean("dry_run") ?? false
            try fields.finish()
            if isDryRun { return reply(try await sweeps.forecast(asOf: asOf)) }
            let job = try await sweeps.sweep(asOf: asOf, traceparent: call.header(.traceparent))
            return .json(sweeps.form.json(job), status: .accepted).with(.location, "/v1/jobs/\(job.id)")
        }
    }

    /// Sent piece by piece: a forecast may name a million customers.
    private static func reply(_ pieces: [[UInt8]]) -> Reply {
        var reply = Reply(
            body: ResponseBody { writer in
                for piece in pieces { try await writer.write(ByteBuffer(bytes: piece)) }
                try await writer.finish(nil)
            })
        reply.headers[.contentType] = "application/json; charset=utf-8"
        return reply
    }
}
