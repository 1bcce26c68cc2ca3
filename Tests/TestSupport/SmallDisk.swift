internal import Glibc
internal import OwnerThread
internal import Subprocess

/// A file system in memory of a few megabytes, to be filled to the last byte. Only root can make one.
public final class SmallDisk: Sendable {
    private static let count = Lock(0)

    public let path: String
    private var ballast: String { path + "/ballast" }

    /// - Throws: ``ServerError`` if it cannot be mounted.
    public init(megabytes: Int) async throws {
        let number = Self.count.withLock { count in
            count += 1
            return count
        }
        path = PrivateServers.folder + "/disk\(number)"
        unsafe mkdir(path, 0o755)
        let result = try await run(
            .name("mount"), arguments: ["-t", "tmpfs", "-o", "size=\(megabytes)m,mode=777", "tmpfs", path],
            output: .discarded, error: .string(limit: 4096))
        guard result.terminationStatus.isSuccess else {
            throw ServerError(message: "mount: \(result.standardError): these tests run as root")
        }
    }

    /// Runs `body` with a disk that is unmounted at the end.
    public static func with<T>(megabytes: Int, _ body: (SmallDisk) async throws -> T) async throws -> T {
        let disk = try await SmallDisk(megabytes: megabytes)
        let result: Result<T, any Error>
        do { result = .success(try await body(disk)) } catch { result = .failure(error) }
        _ = try? await run(.name("umount"), arguments: ["-l", disk.path], output: .discarded, error: .discarded)
        return try result.get()
    }

    /// Takes all the room there is.
    public func fill() {
        guard let file = unsafe fopen(ballast, "a") else { return }
        defer { unsafe fclose(file) }
        let bytes = [UInt8](repeating: 0, count: 4096)
        while unsafe fwrite(bytes, 1, bytes.count, file) == bytes.count && fflush(file) == 0 {}
    }

    /// Gives the room back.
    public func empty() { _ = unsafe unlink(ballast) }
}
