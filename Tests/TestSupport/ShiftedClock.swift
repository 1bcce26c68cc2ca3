internal import Glibc

/// A process's own idea of the wall clock, by Debian's libfaketime; clocks that only run (monotonic) stay as they are.
public enum ShiftedClock {
    /// The program and arguments that run `command` as the same process with a wall clock that is off. Needs root.
    ///
    /// - Parameter offset: as libfaketime reads it: `+11m`, `-7m`, or a time at which the clock stands still.
    /// - Throws: ``ServerError`` if the library is not there.
    public static func command(_ offset: String, _ command: [String]) throws -> [String] {
        // The library leaves a file for each process in /dev/shm, named by its number. And it sets a variable when it is
        // loaded first, which moves the environment from where Swift looks for the arguments: hence the second env.
        ["unshare", "--mount", "sh", "-c", #"mount -t tmpfs none /dev/shm && exec env "$@""#, "sh"]
            + ["LD_PRELOAD=" + (try library), "FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME=" + offset, "env"] + command
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
