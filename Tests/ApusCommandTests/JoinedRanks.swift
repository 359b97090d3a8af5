import ApusTestSupport
import Foundation
import Glibc
import Testing

/// Ranks of one job that a test starts one by one, as torchrun does, with its variables.
struct JoinedRanks {
    let ranks: [ApusProcess]

    /// Starts four ranks of the small deployment.
    ///
    /// Each of the `hosts` is a program with arguments that starts something there; the ranks are
    /// dealt out to them in order. The `addresses` are those of rank 0 as each host knows it.
    /// `arguments` come after the deployment and the text.
    static func start(
        _ run: TrainingRun, addresses: [String] = ["127.0.0.1"], port: Int,
        hosts: [[String]] = [[]], arguments: (_ rank: Int) -> [String]
    ) throws -> JoinedRanks {
        let local = worldSize / hosts.count
        let ranks = try (0..<worldSize).map { rank in
            try start(
                run, rank, local: local, address: addresses[rank / local], port: port,
                wrapper: hosts[rank / local], arguments: arguments(rank))
        }
        return JoinedRanks(ranks: ranks)
    }

    /// Starts rank 0 alone, which then waits for the others of its host.
    static func startFirst(
        _ run: TrainingRun, address: String = "127.0.0.1", port: Int, wrapper: [String] = []
    ) throws -> ApusProcess {
        try start(
            run, 0, local: worldSize, address: address, port: port, wrapper: wrapper,
            arguments: ["--quiet"])
    }

    private static func start(
        _ run: TrainingRun, _ rank: Int, local: Int, address: String, port: Int, wrapper: [String],
        arguments: [String]
    ) throws -> ApusProcess {
        try ApusProcess(
            ["train", "Plans/small.yaml", "--data", run.text] + arguments,
            environment: [
                "RANK": "\(rank)", "WORLD_SIZE": "\(worldSize)",
                "LOCAL_RANK": "\(rank % local)", "LOCAL_WORLD_SIZE": "\(local)",
                "MASTER_ADDR": address, "MASTER_PORT": "\(port)",
            ], wrapper: wrapper, folder: run.folder, name: "rank-\(rank)")
    }

    /// Waits for the end of all ranks, `limit` seconds altogether.
    func end(within limit: Double) throws -> [ApusProcess.Outcome] {
        let end = Date().addingTimeInterval(limit)
        return try ranks.map { try $0.end(within: max(0.1, end.timeIntervalSinceNow)) }
    }

    private static let worldSize = 4
}

/// A port that nobody listens on now.
func freePort() throws -> Int {
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    try #require(socket >= 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            bind(socket, address, size) == 0 && getsockname(socket, address, &size) == 0
        }
    }
    try #require(status)
    return Int(UInt16(bigEndian: address.sin_port))
}
