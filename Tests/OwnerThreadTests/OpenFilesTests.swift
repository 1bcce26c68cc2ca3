import Foundation
import OwnerThread
import Testing

@Suite struct OpenFilesTests {
    @Test func theSoftLimitBecomesTheHardOne() throws {
        let raised = OpenFiles.raiseLimit()
        let limits = try String(contentsOfFile: "/proc/self/limits", encoding: .utf8)
        let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
        let numbers = line.split(separator: " ").compactMap { Int($0) }
        #expect(numbers == [raised, raised])
    }
}
