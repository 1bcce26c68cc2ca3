/// A job that is enqueued at set times.
public struct Schedule: Sendable, Equatable {
    public var name: String
    public var cron: Cron
    /// As it was written.
    public var expression: String
    public var zone: ScheduleZone
    public var kind: String
    public var args: [UInt8]
    /// `nil` is the kind's own.
    public var queue: String?
    /// A time missed while nobody ran fires once on return; else it is skipped. Default true.
    public var catchUp: Bool

    /// - Throws: ``CronError`` for an expression that is none.
    public init(
        name: String, cron expression: String, zone: ScheduleZone, kind: String, args: [UInt8] = Array("{}".utf8),
        queue: String? = nil, catchUp: Bool = true
    ) throws(CronError) {
        self.name = name
        self.cron = try Cron(expression)
        self.expression = expression
        self.zone = zone
        self.kind = kind
        self.args = args
        self.queue = queue
        self.catchUp = catchUp
    }
}

extension Schedule {
    /// Why this program cannot run it, `nil` if it can: it does not have the kind, or the kind does not take the
    /// arguments. Its jobs would only die, so none is made.
    public func problem(in kinds: KindRegistry) -> ScheduleProblem? {
        guard let kind = kinds[kind] else {
            return ScheduleProblem(code: "unknown_kind", message: "this program does not have its kind \(self.kind)")
        }
        do {
            try kind.check(arguments: args)
            return nil
        } catch {
            return ScheduleProblem(
                code: "bad_args", message: "its kind does not take its args: \(error.pointer) \(error.message)")
        }
    }
}

/// Why a schedule does not run.
public struct ScheduleProblem: Sendable, Equatable {
    /// `unknown_kind` or `bad_args`.
    public var code: String
    public var message: String
}
