package import ApusBase
import Glibc

/// Facts about this host and this process, read anew at each call.
package enum Host {
    /// The name of this host.
    package static var name: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let start = buffer.baseAddress, gethostname(start, buffer.count - 1) == 0 else {
                return "unknown"
            }
            return String(cString: start)
        }
    }

    /// The count of cores that this process may run on.
    package static var coreCount: Int {
        let text = readText("/proc/self/status")
        if let list = field("Cpus_allowed_list", of: text), let count = countOfList(list) {
            return max(1, count)
        }
        return max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    /// The memory of this host, or of the control group that this process is bounded by.
    package static var memory: (total: Bytes, available: Bytes) {
        let text = readText("/proc/meminfo")
        var total = kibibytes("MemTotal", of: text) ?? 0
        var available = kibibytes("MemAvailable", of: text) ?? total
        let root = "/sys/fs/cgroup"
        let groups = [
            ("\(root)/memory.max", "\(root)/memory.current", "\(root)/memory.stat"),
            (
                "\(root)/memory/memory.limit_in_bytes", "\(root)/memory/memory.usage_in_bytes",
                "\(root)/memory/memory.stat"
            ),
        ]
        for (limitPath, usagePath, statisticsPath) in groups {
            guard let limit = Int(readText(limitPath).trimmed), limit < total else { continue }
            let used = Int(readText(usagePath).trimmed) ?? 0
            let statistics = readText(statisticsPath)
            let reclaimable = field("inactive_file", of: statistics, separator: " ")
            total = limit
            available = min(available, max(0, limit - used + (reclaimable.flatMap(Int.init) ?? 0)))
        }
        return (Bytes(total), Bytes(available))
    }

    /// The path of the program that this process runs.
    package static func executablePath() throws(SystemError) -> String {
        let link = "/proc/self/exe"
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, filled in
            let length = buffer.withMemoryRebound(to: CChar.self) {
                $0.baseAddress.map { readlink(link, $0, Int(PATH_MAX)) } ?? -1
            }
            filled = max(0, length)
        }
        guard !bytes.isEmpty else { throw SystemError("read", link, code: errno) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Seconds that this process has kept processors busy, all its threads together.
    package static var processorSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// The model of this host's processors.
    package static var processorModel: String {
        let line = readText("/proc/cpuinfo").split(separator: "\n").first {
            $0.hasPrefix("model name")
        }
        return line?.split(separator: ":", maxSplits: 1).last.map { String($0).trimmed }
            ?? "unknown"
    }

    /// Sets a variable for what this process reads from now on, unless it was set before.
    ///
    /// Before the first thread starts, since the C library gives no protection.
    package static func setEnvironment(_ name: String, _ value: String) {
        setenv(name, value, 0)
    }

    /// The environment that this process was started with.
    package static func environment() -> [String: String] {
        let bytes = (try? readFile("/proc/self/environ", limit: 1 << 26)) ?? []
        var variables: [String: String] = [:]
        for entry in bytes.split(separator: 0) {
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = String(decoding: entry[..<equals], as: UTF8.self)
            variables[name] = String(decoding: entry[(equals + 1)...], as: UTF8.self)
        }
        return variables
    }
}

/// The memory of a process.
package struct ProcessMemory: Hashable, Sendable {
    /// What of the process is in memory, shared pages in full.
    package var resident: Bytes
    /// The same, with each shared page divided by the count of processes that share it.
    package var proportional: Bytes

    /// The memory of this process.
    package static func own() -> ProcessMemory? { of("self") }

    /// The memory of a process of this host, if it lives and may be looked at.
    package static func of(pid: Int32) -> ProcessMemory? { of("\(pid)") }

    /// The memory of this process and of those that it started.
    package static func ofOwnTree() -> ProcessMemory? {
        guard var sum = own() else { return nil }
        let listed = (try? readFile("/proc/self/task/\(getpid())/children", limit: 1 << 20)) ?? []
        for word in String(decoding: listed, as: UTF8.self).split(separator: " ") {
            guard let pid = Int32(word), let child = of(pid: pid) else { continue }
            sum.resident += child.resident
            sum.proportional += child.proportional
        }
        return sum
    }

    private static func of(_ process: String) -> ProcessMemory? {
        let text = readText("/proc/\(process)/smaps_rollup")
        guard let resident = kibibytes("Rss", of: text),
            let proportional = kibibytes("Pss", of: text)
        else { return nil }
        return ProcessMemory(resident: Bytes(resident), proportional: Bytes(proportional))
    }
}

/// Seconds on a clock that never jumps; only differences mean something.
package func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Seconds that this thread has kept a processor busy.
///
/// Unlike the time of a clock on the wall it leaves out when others had the processor.
package func threadProcessorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Holds this thread still.
package func sleep(seconds: Double) {
    var time = timespec(
        tv_sec: Int(seconds), tv_nsec: Int((seconds - seconds.rounded(.down)) * 1e9))
    nanosleep(&time, nil)
}

/// Ends this process at once, without leaving anything in order.
package func endProcess(status: Int32) -> Never { _exit(status) }

/// What a standard stream is connected to.
package enum Terminal {
    package static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// The count of columns of the terminal, if it is one and says so.
    package static func width(_ descriptor: Int32) -> Int? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }
}

private func readText(_ path: String) -> String {
    String(decoding: (try? readFile(path, limit: 1 << 22)) ?? [], as: UTF8.self)
}

/// The value of a line such as `MemTotal:  16 kB`.
func field(_ name: String, of text: String, separator: Character = ":") -> String? {
    for line in text.split(separator: "\n") where line.hasPrefix(name) {
        let rest = line.dropFirst(name.count)
        if rest.first == separator { return String(rest.dropFirst()).trimmed }
    }
    return nil
}

private func kibibytes(_ name: String, of text: String) -> Int? {
    field(name, of: text)?.split(separator: " ").first.flatMap { Int($0) }.map { $0 * 1024 }
}

/// How many numbers a list such as `0-3,8,10-11` holds.
func countOfList(_ list: String) -> Int? {
    var count = 0
    for part in list.split(separator: ",") {
        let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2,
            first <= last
        else { return nil }
        count += last - first + 1
    }
    return count
}

extension String {
    fileprivate var trimmed: String {
        var text = Substring(self)
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
