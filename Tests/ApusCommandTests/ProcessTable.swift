import Foundation

/// The live processes whose environment at their start has a variable, as `NAME=value`.
func liveProcesses(withVariable variable: String) -> [Int32] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { Int32($0) }.sorted().filter { pid in
        // The environment of a process that has ended and only waits to be reaped is empty.
        guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/environ") else {
            return false
        }
        return data.split(separator: 0).contains { $0.elementsEqual(variable.utf8) }
    }
}

/// The numbers of the listening sockets of processes, as the system counts them; no two sockets
/// share one.
func listeningSockets(of pids: [Int32]) -> Set<String> {
    let files = FileManager.default
    let held = pids.flatMap { pid in
        ((try? files.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? []).compactMap { name in
            try? files.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(name)")
        }
    }
    let sockets = held.filter { $0.hasPrefix("socket:[") }.map { $0.dropFirst(8).dropLast() }
    return Set(sockets.map(String.init)).intersection(allListeningSockets())
}

/// The numbers of all TCP sockets of this machine that listen.
func allListeningSockets() -> Set<String> {
    var numbers: Set<String> = []
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = (try? String(contentsOfFile: table, encoding: .utf8)) ?? ""
        for line in text.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: " ")
            // The fourth field is the state, 0A is LISTEN; the tenth is the socket's number.
            if fields.count > 9, fields[3] == "0A" { numbers.insert(String(fields[9])) }
        }
    }
    return numbers
}
