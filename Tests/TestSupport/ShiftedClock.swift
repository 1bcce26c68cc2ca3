internal import Glibc

/// A process's own idea of the wall clock, by Debian's libfaketime; clocks that only run (monotonic) stay as they are.
public enum ShiftedClock {
    /// The program and arguments that run `command` as the same process with a wall clock that is off. Needs root.
    ///
    /// - Parameters:
    ///   - offset: as libfaketime reads it: `+11m`, `-7m`, or a time at which the clock stands still.
    ///   - file: path of a file from which it is read again all the time, so that the clock can be set while the process
    ///     runs; written here.
    /// - Throws: ``ServerError`` if the library is not there.
    public static func command(_ offset: String, file: String, _ command: [String]) throws -> [String] {
        let library = try library
        try set(offset, file: file)
        // The library leaves a file for each process in /dev/shm, named by its number. And it sets a variable when it is
        // loaded first, which moves the environment from where Swift looks for the arguments: hence the second env.
        return ["unshare", "--mount", "sh", "-c", #"mount -t tmpfs none /dev/shm && exec env "$@""#, "sh"]
            + [
                "LD_PRELOAD=" + library, "FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME_TIMESTAMP_FILE=" + file,
                "FAKETIME_NO_CACHE=1", "env",
            ] + command
    }

    /// Sets the clock of a process that runs.
    public static func set(_ offset: String, file: String) throws {
        let next = file + ".next"
        guard let stream = unsafe fopen(next, "w") else { throw ServerError(message: "cannot write \(next)") }
        unsafe fputs(offset + "\n", stream)
        unsafe fclose(stream)
        unsafe rename(next, file)
    }

    private static var library: String {
        get throws {
            var found = unsafe glob_t()
            defer { unsafe globfree(&found) }
            guard unsafe glob("/usr/lib/*/faketime/libfaketimeMT.so.1", 0, nil, &found) == 0,
                let path = unsafe found.gl_pathv[0]
            else { throw ServerError(message: "libfaketime is missing: deploy/setup installs it") }
            return unsafe String(cString: path)
        }
    }
}
