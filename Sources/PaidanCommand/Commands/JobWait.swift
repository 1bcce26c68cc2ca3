import API
import Jobs
import JobsRedis

/// Follows one job to its end for a command, and prints it.
struct JobWait {
    let composition: Composition
    let json: Bool

    /// - Throws: `CommandFailure` for a job that did not succeed within that time.
    func run(_ id: String, within limit: Duration) async throws {
        let end = ContinuousClock.now + limit
        var pause = Duration.milliseconds(10)
        while true {
            guard let job = try await composition.store.job(id) else {
                throw CommandFailure.refused("job \(id) is gone")
            }
            let over = ContinuousClock.now >= end
            if job.state == .succeeded || job.state == .dead || job.state == .cancelled || over {
                Output.data(json ? String(decoding: composition.jobForm.json(job), as: UTF8.self) : JobLine.text(job))
                guard job.state == .succeeded else {
                    throw CommandFailure.failed(
                        over && job.state != .dead && job.state != .cancelled
                            ? "job \(job.id) is still \(job.state.rawValue) after \(limit.short)"
                            : "job \(job.id) is \(job.state.rawValue): \(job.error?.message ?? "no reason is known")")
                }
                return
            }
            try await Task.sleep(for: min(pause, end - .now))
            pause = min(pause * 2, .milliseconds(500))
        }
    }
}
