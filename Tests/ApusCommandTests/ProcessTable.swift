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
func allListeningSockets() -> Set<String> { Set(allListeners().keys) }

/// The addresses at which processes listen on a port, as the system's tables write them: in
/// hexadecimal, each 32 bits in this machine's order of bytes.
func listeningAddresses(of pids: [Int32], port: Int) -> Set<String> {
    let listeners = allListeners()
    let places = listeningSockets(of: pids).compactMap { listeners[$0] }
    return Set(places.filter { $0.port == port }.map(\.address))
}

private func allListeners() -> [String: (address: String, port: Int)] {
    var listeners: [String: (address: String, port: Int)] = [:]
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = (try? String(contentsOfFile: table, encoding: .utf8)) ?? ""
        for line in text.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: " ")
            // The second field is the address and the port, the fourth the state, of which 0A is
            // LISTEN, and the tenth the socket's number.
            guard fields.count > 9, fields[3] == "0A" else { continue }
            let place = fields[1].split(separator: ":")
            guard place.count == 2, let port = Int(place[1], radix: 16) else { continue }
            listeners[String(fields[9])] = (String(place[0]), port)
        }
    }
    return listeners
}
