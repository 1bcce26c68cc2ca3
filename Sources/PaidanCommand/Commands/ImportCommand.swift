import ArgumentParser
import CRM
import Foundation

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Import a sheet of customers and follow it.",
        discussion: """
            Uploads over HTTP if PAIDAN_TOKEN is set, else straight to the stores. Rows that were not taken are written to \
            NAME.errors.EXT beside the sheet, to mend and import again. Exit 0 when the import is done, bad rows or not.

            Example: paidan import 客户.xlsx --dry-run
            """)

    @Argument(help: "The sheet: .csv, .txt, .tsv or .xlsx.") var file: String
    @Flag(help: "Check everything and predict who gets whom; store nothing.") var dryRun = false
    @Option(help: "What a known QQ means: skip, fill_blank or error.") var duplicates = "skip"
    @Flag(help: "Import the same file again within 24 hours.") var force = false
    @Option(help: "Name of the sheet in the workbook.") var sheet: String?
    @Flag(inversion: .prefixedNo, help: "Wait for the end.") var wait = true
    @OptionGroup var config: ConfigOption
    @OptionGroup var json: JSONFlag

    func validate() throws {
        guard DuplicatePolicy(rawValue: duplicates) != nil else {
            throw ValidationError("--duplicates takes one of skip, fill_blank, error")
        }
    }

    func run() async throws {
        let conf = try config.load()
        guard FileManager.default.fileExists(atPath: file) else {
            throw CommandFailure.refused("There is no file \(file).")
        }
        if (try? FileManager.default.contentsOfDirectory(atPath: file)) != nil {
            throw CommandFailure.refused("\(file) is a folder, not a sheet.")
        }
        guard FileManager.default.isReadableFile(atPath: file) else {
            throw CommandFailure.refused("\(file) cannot be read.")
        }
        var new = NewImport(fileName: URL(filePath: file).lastPathComponent)
        new.dryRun = dryRun
        new.duplicates = DuplicatePolicy(rawValue: duplicates) ?? .skip
        new.force = force
        new.sheet = sheet
        let door: any ImportDoor
        if let token = ProcessInfo.processInfo.environment["PAIDAN_TOKEN"], !token.isEmpty {
            door = HTTPImportDoor(base: conf.http.address, token: token)
        } else {
            door = StoreImportDoor(composition: Composition(conf))
        }
        defer { door.close() }
        let id = try await door.upload(file, new)
        guard wait else { return try show(await door.view(id)) }
        let view = try await ImportProgress(isTerminal: isatty(STDERR_FILENO) == 1).follow { try await door.view(id) }
        try show(view)
        guard view.state == "done" else {
            throw CommandFailure.failed(
                view.error.map { "The import failed: \($0.code) \($0.message)" } ?? "The import is \(view.state).")
        }
        if view.rows.error + view.rows.duplicate > 0, !dryRun {
            let path = Self.errorsPath(file)
            try await door.writeErrors(id, to: path)
            Output.message("The rows that were not taken: \(path)")
        }
    }

    private func show(_ view: ImportView) throws {
        if json.isOn { return try Output.json(view) }
        let rows = view.rows
        Output.data(
            "import \(view.id): \(view.state); read \(rows.read), ok \(rows.ok), duplicate \(rows.duplicate), "
                + "error \(rows.error), skipped \(rows.skipped), assigned \(view.assigned)")
        for warning in view.warnings { Output.message("\(warning.code): \(warning.message)") }
    }

    /// `NAME.errors.EXT` beside the input.
    static func errorsPath(_ file: String) -> String {
        let url = URL(filePath: file)
        let folder = url.deletingLastPathComponent().path(percentEncoded: false)
        let name = url.deletingPathExtension().lastPathComponent
        let ext = url.pathExtension
        return folder + (folder.hasSuffix("/") ? "" : "/") + name + ".errors" + (ext.isEmpty ? "" : "." + ext)
    }
}

/// Shows how far an import is until it has ended.
struct ImportProgress {
    let isTerminal: Bool
    private static let ends: Set = ["done", "failed", "cancelled", "undone"]

    func follow(_ look: () async throws -> ImportView) async throws -> ImportView {
        var last = ""
        var pause = Duration.milliseconds(50)
        while true {
            let view = try await look()
            let line = Self.line(view)
            if line != last { show(line, isLast: false) }
            last = line
            if Self.ends.contains(view.state) {
                if isTerminal { Output.message("") }
                return view
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(500))
        }
    }

    private func show(_ line: String, isLast: Bool) {
        if isTerminal { Output.raw("\r\u{1B}[K\(line)") } else { Output.message(line) }
    }

    /// `storing  [##########----------] 5000 of 10000 rows`
    static func line(_ view: ImportView) -> String {
        let rows = view.rows
        let settled = view.phase == "assigning" || view.phase == "reporting" ? view.assigned : rows.ok + rows.duplicate
        let total = view.phase == "assigning" || view.phase == "reporting" ? rows.ok : rows.read
        let isReading = view.phase == nil || view.phase == "reading"
        let phase = view.state == "running" ? (view.phase ?? "") : view.state
        guard !isReading, total > 0 else { return "\(phase): \(rows.read) rows read" }
        let filled = min(20, settled * 20 / total)
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: 20 - filled)
        return "\(phase) [\(bar)] \(settled) of \(total)"
    }
}
