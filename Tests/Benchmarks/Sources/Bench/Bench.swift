import Foundation

@main enum Bench {
    static func main() {
        do {
            try run(try Options(Array(CommandLine.arguments.dropFirst())))
        } catch {
            FileHandle.standardError.write(Data("bench: \(error)\n".utf8))
            exit(1)
        }
    }

    private static func run(_ options: Options) throws {
        let stage = try Stage(options)
        defer { stage.servers.stop(keepFolder: options.keepsFolder) }
        let machine = try Machine(folder: stage.servers.folder)
        for line in machine.lines { stage.say(line) }
        var report = Report(machine: machine, rounds: options.rounds, isShort: options.isShort)
        if options.only.contains("drain") { report.figures += try DrainWork(stage).run() }
        if options.only.contains("growth") { report.figures += try GrowthWork(stage).run() }
        if options.only.contains("enqueue") { report.figures += try EnqueueWork(stage).run() }
        if options.only.contains("assign") { report.figures += try AssignWork(stage).run() }
        if options.only.contains("latency") { report.figures += try LatencyWork(stage).run() }
        report.print()
        if let path = options.json { try report.write(to: path) }
    }
}
