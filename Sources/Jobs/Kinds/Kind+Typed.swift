extension Kind {
    /// A kind whose handler takes one job with decoded arguments.
    public static func single<A: Decodable & Sendable>(
        _ name: String, queue: String = "default", maxAttempts: Int = 10, timeout: Duration = .seconds(60),
        concurrency: Int? = nil, hasEffect: Bool = false, arguments: A.Type = A.self,
        run: @escaping @Sendable (Claim, A, JobContext) async throws -> Outcome
    ) -> Kind {
        Kind(
            name, queue: queue, maxAttempts: maxAttempts, timeout: timeout, concurrency: concurrency, batch: 1,
            hasEffect: hasEffect,
            checkArguments: { bytes throws(ArgumentError) in _ = try Arguments.decode(A.self, bytes) },
            runsAlone: { _ in true },
            run: { claims, context in
                var outcomes: [Outcome] = []
                for claim in claims {
                    switch Arguments.decoded(A.self, claim) {
                    case .success(let arguments): outcomes.append(try await run(claim, arguments, context))
                    case .failure(let error): outcomes.append(error.outcome)
                    }
                }
                return outcomes
            })
    }

    /// A kind whose handler takes many jobs at once, for instance in one transaction.
    ///
    /// When the handler throws (other than for infrastructure), its claims run again one at a time, so that one bad
    /// job does not spend the others' attempts. It must therefore leave nothing behind when it throws.
    ///
    /// - Parameters:
    ///   - size: claims of one call, 1 to 256.
    ///   - run: answers with one outcome a claim, in their order.
    public static func batch<A: Decodable & Sendable>(
        _ name: String, size: Int, queue: String = "default", maxAttempts: Int = 10, timeout: Duration = .seconds(60),
        concurrency: Int? = nil, hasEffect: Bool = false, arguments: A.Type = A.self,
        run: @escaping @Sendable ([(claim: Claim, arguments: A)], JobContext) async throws -> [Outcome]
    ) -> Kind {
        Kind(
            name, queue: queue, maxAttempts: maxAttempts, timeout: timeout, concurrency: concurrency, batch: size,
            hasEffect: hasEffect,
            checkArguments: { bytes throws(ArgumentError) in _ = try Arguments.decode(A.self, bytes) },
            runsAlone: { _ in false },
            run: { claims, context in
                var outcomes: [Outcome?] = []
                var good: [(claim: Claim, arguments: A)] = []
                for claim in claims {
                    switch Arguments.decoded(A.self, claim) {
                    case .success(let arguments):
                        good.append((claim, arguments))
                        outcomes.append(nil)
                    case .failure(let error):
                        outcomes.append(error.outcome)
                    }
                }
                if good.isEmpty { return outcomes.compactMap { $0 } }
                var answers = try await run(good, context)[...]
                guard answers.count == good.count else {
                    throw JobError(
                        code: EngineCode.failed,
                        message: "the handler of \(name) gave \(answers.count) outcomes for \(good.count) jobs")
                }
                return outcomes.compactMap { $0 ?? answers.removeFirst() }
            })
    }

    /// A kind whose handler reads the arguments' bytes itself, many jobs at once: the cheapest there is.
    ///
    /// - Parameters:
    ///   - check: refuses arguments at the door.
    ///   - runsAlone: claims that shall not share a call with others, for instance those that wait.
    public static func raw(
        _ name: String, size: Int, queue: String = "default", maxAttempts: Int = 10, timeout: Duration = .seconds(60),
        concurrency: Int? = nil, hasEffect: Bool = false,
        check: @escaping @Sendable ([UInt8]) throws(ArgumentError) -> Void = { _ throws(ArgumentError) in },
        runsAlone: @escaping @Sendable (Claim) -> Bool = { _ in false },
        run: @escaping @Sendable ([Claim], JobContext) async throws -> [Outcome]
    ) -> Kind {
        Kind(
            name, queue: queue, maxAttempts: maxAttempts, timeout: timeout, concurrency: concurrency, batch: size,
            hasEffect: hasEffect, checkArguments: check, runsAlone: runsAlone, run: run)
    }
}
