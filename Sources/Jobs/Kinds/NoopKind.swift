extension Kind {
    /// The kind for load and fault tests: `{sleep_ms?, fail?, result?, result_bytes?, clock?}`.
    ///
    /// `fail: true` fails every attempt, `fail: N` the first N, with code `noop_failed`. `clock: true` makes the result
    /// `{"started_ns": N}`, this machine's monotonic clock when the handler began, for latency measurements.
    public static func noop(queue: String = "default") -> Kind {
        .raw(
            "noop", size: JobLimits.exchange, queue: queue, timeout: .seconds(3600),
            check: { bytes throws(ArgumentError) in
                if !isEmpty(bytes) { _ = try Arguments.decode(NoopArguments.self, bytes) }
            },
            runsAlone: { !isEmpty($0.args) },
            run: { claims, _ in
                var outcomes: [Outcome] = []
                outcomes.reserveCapacity(claims.count)
                for claim in claims {
                    if isEmpty(claim.args) { outcomes.append(.done()) } else { outcomes.append(try await noop(claim)) }
                }
                return outcomes
            })
    }

    private static func isEmpty(_ args: [UInt8]) -> Bool {
        args.count == 2 && args[0] == UInt8(ascii: "{") && args[1] == UInt8(ascii: "}")
    }

    private static func noop(_ claim: Claim) async throws -> Outcome {
        let started = SuspendingClock.now
        let arguments: NoopArguments
        switch Arguments.decoded(NoopArguments.self, claim) {
        case .success(let decoded): arguments = decoded
        case .failure(let error): return error.outcome
        }
        if let sleep = arguments.sleep, sleep > 0 { try await Task.sleep(for: .milliseconds(sleep)) }
        if claim.attempt <= arguments.failures {
            return .retry(code: "noop_failed", message: "told to fail in attempt \(claim.attempt)")
        }
        if let count = arguments.resultBytes {
            let quote = UInt8(ascii: "\"")
            return .done(result: [quote] + Array(repeating: UInt8(ascii: "x"), count: max(0, count - 2)) + [quote])
        }
        if arguments.clock == true { return .done(result: Array("{\"started_ns\":\(nanoseconds(started))}".utf8)) }
        return .done(result: arguments.result?.bytes)
    }

    /// Since the epoch of the clock, which is `CLOCK_MONOTONIC` on Linux.
    private static func nanoseconds(_ instant: SuspendingClock.Instant) -> Int64 {
        let (seconds, attoseconds) = SuspendingClock().systemEpoch.duration(to: instant).components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}

/// Arguments of `noop`.
struct NoopArguments: Decodable {
    let sleep: Int?
    /// Attempts that fail, from the first on.
    let failures: Int
    let result: JSONValue?
    /// Size of the result, its quotes included.
    let resultBytes: Int?
    /// The result says when the handler began.
    let clock: Bool?

    enum CodingKeys: String, CodingKey {
        case sleep = "sleep_ms"
        case clock, fail, result
        case resultBytes = "result_bytes"
    }

    init(from decoder: any Decoder) throws {
        let object = try decoder.container(keyedBy: CodingKeys.self)
        sleep = try object.decodeIfPresent(Int.self, forKey: .sleep)
        if let always = try? object.decode(Bool.self, forKey: .fail) {
            failures = always ? .max : 0
        } else {
            failures = try object.decodeIfPresent(Int.self, forKey: .fail) ?? 0
        }
        result = try object.decodeIfPresent(JSONValue.self, forKey: .result)
        resultBytes = try object.decodeIfPresent(Int.self, forKey: .resultBytes)
        clock = try object.decodeIfPresent(Bool.self, forKey: .clock)
    }
}
