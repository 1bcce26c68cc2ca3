internal import Logging

/// The pool's calls to the store; each answers with one event.
extension WorkerPool {
    typealias Sink = AsyncStream<Event>.Continuation

    func open(_ number: Int, _ predecessor: Int?, _ sink: Sink) async {
        do {
            try await store.open(
                session: sessionName(number), lease: configuration.lease, predecessor: predecessor.map(sessionName))
            // After it: a store that is flushed in between has no such session.
            try await store.limit(kinds.limits)
            sink.yield(.opened(number))
        } catch {
            logger.warning("cannot open a session", metadata: ["trouble": "redis", "error": "\(error)"])
            sink.yield(.openFailed(number))
        }
    }

    /// Says again what kinds may do, after they were changed.
    func limit() async {
        do {
            try await store.limit(kinds.limits)
        } catch {
            logger.warning(
                "limits of kinds are not told yet: the next session does", metadata: ["error": "\(error)"])
        }
    }

    func extend(_ number: Int, _ sink: Sink) async {
        do {
            try await store.extend(session: sessionName(number), lease: configuration.lease)
            sink.yield(.extended(session: number, isDone: true))
        } catch {
            logger.warning("the session does not cover new queues yet", metadata: ["error": "\(error)"])
            sink.yield(.extended(session: number, isDone: false))
        }
    }

    func exchange(_ exchange: Exchange, _ queue: Int, _ session: Int, _ sink: Sink) async {
        do {
            let reply = try await store.exchange(exchange)
            sink.yield(.replied(queue: queue, session: session, exchange.lane, take: exchange.take, reply))
        } catch {
            logger.warning(
                "exchange failed", metadata: ["trouble": "redis", "queue": "\(exchange.queue)", "error": "\(error)"])
            sink.yield(
                .exchangeFailed(
                    queue: queue, session: session, take: exchange.take, exchange.settlements,
                    sessionLost: error.code == .sessionLost || error.mayHaveRun))
        }
    }

    func peek(_ queue: Int, _ sink: Sink) async {
        do {
            let found = try await store.peek(queue: queueName(queue), timeout: .seconds(5))
            sink.yield(.peeked(queue: queue, found: found))
        } catch {
            logger.debug("peek failed", metadata: ["error": "\(error)"])
            sink.yield(.peeked(queue: queue, found: nil))
        }
    }

    func beat(_ session: Int, at now: ContinuousClock.Instant, _ sink: Sink) async {
        do {
            try await store.beat(session: sessionName(session), lease: configuration.lease, worker: info)
            sink.yield(.beaten(session: session, at: now))
        } catch {
            logger.warning("beat failed", metadata: ["trouble": "redis", "error": "\(error)"])
            sink.yield(error.code == .sessionLost ? .sessionLost(session) : .beatFailed(session: session))
        }
    }

    func pollCancellations(_ session: Int, _ sink: Sink) async {
        do {
            sink.yield(.cancelled(try await store.cancellations(session: sessionName(session))))
        } catch {
            sink.yield(.cancelled([]))
            // An answer that is lost is not given again.
            if error.code == .sessionLost || error.mayHaveRun { sink.yield(.sessionLost(session)) }
        }
    }

    /// Best effort: what cannot be written is dropped.
    func write(_ reports: some Sequence<ProgressBoard.Report>, _ session: Int) async {
        for (claim, progress) in reports {
            do {
                try await store.progress(
                    session: sessionName(session), queue: claim.queue, slot: claim.slot, id: claim.id, progress)
            } catch {
                logger.debug("progress not written", metadata: ["job.id": "\(claim.id)", "error": "\(error)"])
                return
            }
        }
    }

    func context(_ kind: Kind, _ claims: [Claim], _ session: Int) -> JobContext {
        var logger = logger
        logger[metadataKey: "job.kind"] = "\(kind.name)"
        if claims.count == 1, let claim = claims.first {
            logger[metadataKey: "job.id"] = "\(claim.id)"
            logger[metadataKey: "attempt"] = "\(claim.attempt)"
            if let traceparent = claim.traceparent { logger[metadataKey: "traceparent"] = "\(traceparent)" }
        } else {
            logger[metadataKey: "jobs"] = "\(claims.count)"
        }
        let name = sessionName(session)
        let (store, background) = (store, self.logger)
        let permit: JobContext.Permit = { queue, key, rate throws(StoreError) in
            try await store.permit(queue: queue, key: key, rate: rate)
        }
        return JobContext(logger: logger, board: board, claims: claims, permit: permit) { claim in
            do {
                try await store.checkpoint(session: name, queue: claim.queue, id: claim.id)
            } catch {
                background.debug("checkpoint not written", metadata: ["job.id": "\(claim.id)", "error": "\(error)"])
            }
        }
    }
}
