import Glibc
import OwnerThread
import Testing

@Suite struct WakeupTests {
    private func isReadable(_ wakeup: Wakeup, within milliseconds: Int32 = 0) -> Bool {
        var polled = [pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)]
        return unsafe poll(&polled, 1, milliseconds) == 1
    }

    @Test func readableFromSignalToClear() {
        let wakeup = Wakeup()
        #expect(!isReadable(wakeup))
        wakeup.signal()
        wakeup.signal()
        #expect(isReadable(wakeup))
        wakeup.clear()
        #expect(!isReadable(wakeup))
    }

    @Test func anySignalsWithoutAReaderNeitherBlockNorGetLost() {
        let wakeup = Wakeup()
        // More than a pipe holds.
        for _ in 0..<100_000 { wakeup.signal() }
        #expect(isReadable(wakeup))
        wakeup.clear()
        #expect(!isReadable(wakeup))
        wakeup.signal()
        #expect(isReadable(wakeup))
    }

    @Test func wakesAThreadThatWaits() async {
        let wakeup = Wakeup()
        let woken = OneShot<Bool, Never>()
        startThread(named: "waits") {
            var polled = [pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)]
            woken.answer(.success(unsafe poll(&polled, 1, 10_000) == 1))
        }
        wakeup.signal()
        #expect(await woken.value())
    }
}
