internal import OwnerThread
internal import Subprocess
internal import SystemPackage

/// A program that answers each line of its standard input by a line; ended by the kernel with this process.
public final class Dialogue: Sendable {
    private struct Question: Sendable {
        let line: String
        let answer = OneShot<String, any Error>()
    }

    private let questions: AsyncStream<Question>.Continuation
    private let log: String

    /// - Parameters:
    ///   - program: its path, or a name to be found on the PATH.
    ///   - environment: on top of this process's own.
    ///   - log: path of the file for standard error, which is made anew.
    public init(_ program: String, _ arguments: [String], environment: [String: String] = [:], log: String) throws {
        let file = try FileDescriptor.open(
            FilePath(log), .writeOnly, options: [.create, .truncate, .append], permissions: [.ownerReadWrite])
        let changes = Dictionary(
            uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0.key), String?.some($0.value)) })
        let (asked, questions) = AsyncStream.makeStream(of: Question.self)
        self.questions = questions
        self.log = log
        Task {
            _ = try? await run(
                .name("setpriv"), arguments: Arguments(["--pdeathsig=KILL", program] + arguments),
                environment: .inherit.updating(changes), input: .inputWriter, output: .sequence,
                error: .fileDescriptor(file, closeAfterSpawningProcess: true)
            ) { execution in
                var lines = execution.standardOutput.strings(bufferingPolicy: .unbounded).makeAsyncIterator()
                for await question in asked {
                    do {
                        _ = try await execution.standardInputWriter.write(question.line + "\n")
                        guard let line = try await lines.next() else { throw Self.ended(log) }
                        question.answer.answer(.success(line))
                    } catch {
                        question.answer.answer(.failure(error))
                        return
                    }
                }
            }
            questions.finish()
            for await question in asked { question.answer.answer(.failure(Self.ended(log))) }
        }
    }

    deinit { questions.finish() }

    /// Asks when those before have been answered.
    ///
    /// - Parameter line: without a line break.
    public func ask(_ line: String) async throws -> String {
        let question = Question(line: line)
        if case .terminated = questions.yield(question) { throw Self.ended(log) }
        return try await question.answer.value()
    }

    private static func ended(_ log: String) -> ServerError {
        ServerError(message: "the program has ended: \(readText(log).suffix(2000))")
    }
}
