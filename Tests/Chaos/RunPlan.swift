/// One run: fresh servers, some jobs, some faults.
struct RunPlan: Sendable {
    var name: String
    var control = Control.none
    /// At least so many, those that follow from others not counted.
    var jobs: Int
    var faults: [Fault] = []
    /// Seconds.
    var lease = 3
    /// Nothing is only in Redis, so that it may be flushed.
    var outboxOnly = false
    /// Sheets are imported, one for each of these lines of the program.
    var importLines: [String] = []

    /// What the runs of a whole program are.
    static func all(
        jobs: Int?, short: Bool, families: Set<Fault.Family>, controls: Set<Control>,
        random: inout some RandomNumberGenerator
    ) -> [RunPlan] {
        var runs: [RunPlan] = []
        if controls.contains(.none) { runs += short ? shortRuns(jobs ?? 6000) : fullRuns(jobs ?? 300_000) }
        runs += Control.allCases.filter { controls.contains($0) && $0 != .none }.map {
            control($0, short ? 1500 : 4000)
        }
        return runs.map { run in
            var run = run
            // A control is found out by the faults that are aimed at what it goes without.
            if run.control == .none { run.faults = run.faults.filter { families.contains($0.family) } }
            run.faults.shuffle(using: &random)
            return run
        }.filter { $0.control != .none || !$0.faults.isEmpty || !$0.importLines.isEmpty }
    }

    static let kinds = ["chaos.mark", "chaos.single", "chaos.follow"]
    static let jobLines = ["claimed", "written", "acknowledging"]
    private static let crashes: [Fault] =
        jobLines.flatMap { line in kinds.map { Fault.crash("\(line):\($0)") } }
        + [.crash("enqueued:chaos.mark"), .crash("enqueued:chaos.follow")]
    private static let freezes: [Fault] = [
        .freezeAt("written:chaos.mark"), .freezeAt("claimed:chaos.mark"), .freezeAt("acknowledging:chaos.follow"),
    ]

    private static func fullRuns(_ jobs: Int) -> [RunPlan] {
        let mixed =
            crashes + crashes + freezes + repeated(.kill, 12) + repeated(.freeze, 4) + repeated(.redis, 10)
            + repeated(.postgres, 10)
        return [
            RunPlan(name: "mixed", jobs: jobs * 5 / 6, faults: mixed),
            RunPlan(
                name: "flush", jobs: jobs / 10, faults: repeated(.flush, 3) + repeated(.kill, 2), outboxOnly: true),
            RunPlan(name: "lease 15 s", jobs: jobs / 15, faults: repeated(.kill, 4), lease: 15),
            RunPlan(
                name: "imports", jobs: 0,
                importLines: [
                    "checkpointed:import.batch", "popped", "telling", "publishing:assigned", "sending:wecom",
                    "sent:wecom",
                ]),
        ]
    }

    private static func shortRuns(_ jobs: Int) -> [RunPlan] {
        let faults: [Fault] = [
            .crash("claimed:chaos.mark"), .crash("written:chaos.mark"), .crash("acknowledging:chaos.mark"),
            .crash("enqueued:chaos.follow"), .freezeAt("written:chaos.mark"), .kill, .redis, .postgres,
        ]
        return [RunPlan(name: "mixed", jobs: jobs, faults: faults)]
    }

    private static func control(_ control: Control, _ jobs: Int) -> RunPlan {
        let line =
            switch control {
            case .none, .noReceipt: "acknowledging"
            case .receiptApart: "written"
            case .plainPop: "claimed"
            }
        let aimed = Fault.crash("\(line):chaos.mark")
        return RunPlan(name: control.rawValue, control: control, jobs: jobs, faults: [aimed, .kill])
    }

    private static func repeated(_ fault: Fault, _ count: Int) -> [Fault] { Array(repeating: fault, count: count) }
}

/// SplitMix64: the same faults in the same order for the same seed.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
