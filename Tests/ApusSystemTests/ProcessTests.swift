import ApusSystem
import Glibc
import Synchronization
import Testing

/// Waits for a process to end, at most ten seconds.
private func waitFor(_ process: ChildProcess) -> ProcessExit? {
    let limit = monotonicSeconds() + 10
    while monotonicSeconds() < limit {
        if let status = process.poll() { return status }
        usleep(2_000)
    }
    return nil
}

private func shell(
    _ script: String, environment: [String: String] = ["PATH": "/usr/bin:/bin"],
    descriptors: [Int32: Descriptor] = [:]
) throws -> ChildProcess {
    try ChildProcess(
        .init(
            program: "/bin/sh", arguments: ["sh", "-c", script], environment: environment,
            descriptors: descriptors))
}

@Suite("processes") struct ProcessTests {
    @Test("a process gives its exit status", arguments: [0, 1, 86])
    func exits(status: Int32) throws {
        let process = try shell("exit \(status)")
        #expect(waitFor(process) == .exited(status))
        #expect(process.poll() == .exited(status))
        #expect("\(ProcessExit.exited(1))" == "exited with status 1")
    }

    @Test("a process that a signal killed says which", arguments: [Signal.kill, .terminate])
    func isKilled(signal: Signal) throws {
        let process = try shell("sleep 60")
        process.send(signal)
        #expect(waitFor(process) == .signaled(signal.rawValue))
        #expect("\(ProcessExit.signaled(9))" == "killed by signal 9 (SIGKILL)")
    }

    @Test("a process gets its environment and descriptors, and no others")
    func inherits() throws {
        let (reading, writing) = try Descriptor.pipe()
        let (otherReading, otherWriting) = try Descriptor.pipe()
        // A library may leave descriptors open for children; they are closed all the same.
        #expect(fcntl(otherWriting.number, F_SETFD, 0) == 0)
        let process = try shell(
            "echo $A; cat; ls /proc/$$/fd; env | grep -c =; echo five >&5",
            environment: ["A": "b c", "PATH": "/usr/bin:/bin"],
            descriptors: [1: writing, 3: otherReading, 5: writing])
        #expect(waitFor(process) == .exited(0))
        let text = String(decoding: try reading.read(), as: UTF8.self)
        #expect(text == "b c\n0\n1\n2\n3\n5\n3\nfive\n")
        withExtendedLifetime(otherWriting) {}
    }

    @Test("descriptors may trade numbers")
    func tradesDescriptors() throws {
        let (first, firstEnd) = try Descriptor.pipe()
        let (second, secondEnd) = try Descriptor.pipe()
        let process = try shell(
            "echo a >/dev/fd/\(secondEnd.number); echo b >/dev/fd/\(firstEnd.number)",
            descriptors: [secondEnd.number: firstEnd, firstEnd.number: secondEnd])
        #expect(waitFor(process) == .exited(0))
        #expect(try first.read() == Array("a\n".utf8))
        #expect(try second.read() == Array("b\n".utf8))
    }

    @Test("a process leads a group of its own, and what it leaves there is killed with it")
    func endsGroup() throws {
        let (reading, writing) = try Descriptor.pipe()
        let process = try shell("sleep 60 & echo $!; exit 3", descriptors: [1: writing])
        #expect(waitFor(process) == .exited(3))
        let text = String(decoding: try reading.read(), as: UTF8.self)
        let sleeper = try #require(Int32(text.dropLast()))
        #expect(getpgid(process.pid) != getpgrp())
        let limit = monotonicSeconds() + 10
        while kill(sleeper, 0) == 0, monotonicSeconds() < limit, !isZombie(sleeper) {
            usleep(2_000)
        }
        #expect(kill(sleeper, 0) != 0 || isZombie(sleeper))
    }

    /// Where nobody reaps orphans, a killed one stays in the table.
    private func isZombie(_ pid: Int32) -> Bool {
        let bytes = (try? readFile("/proc/\(pid)/stat", limit: 4096)) ?? []
        return String(decoding: bytes, as: UTF8.self).contains(") Z ")
    }

    @Test("a process that nobody holds any more is killed and reaped")
    func isReapedWhenReleased() throws {
        var process: ChildProcess? = try shell("sleep 60")
        let pid = try #require(process?.pid)
        process = nil
        #expect(kill(pid, 0) != 0)
    }

    @Test("a program that does not exist cannot be started")
    func refusesMissingProgram() {
        #expect(throws: SystemError("start", "/nowhere/x", code: ENOENT)) {
            _ = try ChildProcess(
                .init(program: "/nowhere/x", arguments: ["x"], environment: [:]))
        }
    }

    @Test("a wait tells which descriptors are readable and which are not, and ends in time")
    func waits() throws {
        let (first, firstEnd) = try Descriptor.pipe()
        let (second, secondEnd) = try Descriptor.pipe()
        #expect(try waitReadable([first, second], timeout: 0.01) == [false, false])
        try secondEnd.write([7])
        #expect(try waitReadable([first, second], timeout: 10) == [false, true])
        #expect(try second.read() == [7])
        withExtendedLifetime(firstEnd) {}
    }

    @Test("a watch notices that the other end of its pipe is gone")
    func watchesParent() throws {
        let (reading, writing) = try Descriptor.pipe()
        let (noticed, notice) = try Descriptor.pipe()
        try ParentWatch.start(reading: reading) { try? notice.write([1]) }
        #expect(try waitReadable([noticed], timeout: 0.05) == [false])
        let holder = try shell("sleep 0.1", descriptors: [3: writing])
        // This process lets go; the child alone holds the end now, until it dies.
        try dup2Away(writing)
        #expect(try waitReadable([noticed], timeout: 10) == [true])
        #expect(waitFor(holder) == .exited(0))
    }

    /// Replaces an open end by /dev/null, as if it had been closed.
    private func dup2Away(_ descriptor: Descriptor) throws {
        let null = open("/dev/null", O_RDWR)
        #expect(dup2(null, descriptor.number) == descriptor.number)
        close(null)
    }
}
