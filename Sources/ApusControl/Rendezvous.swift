package import ApusBase

/// The place of this process in its job, as the one who started it tells through the environment.
package struct Rendezvous: Hashable, Sendable {
    /// Who started this rank.
    package enum Launcher: String, Hashable, Sendable {
        case apus, torchrun, srun, mpirun
    }

    /// Who runs the store through which the ranks find each other.
    package enum StoreServer: Hashable, Sendable {
        /// This rank, on a listening socket that it was handed or on one that it opens.
        case this(descriptor: Int32?)
        case other
        /// The agent of torchrun, so every rank is a client.
        case agent
    }

    package var launcher: Launcher
    package var rank: Rank
    package var worldSize: Int
    /// The index of this rank among those of its host.
    package var localRank: Int
    /// The count of ranks of this host, where the launcher tells it.
    package var localWorldSize: Int?
    package var masterAddress: String
    package var masterPort: Int
    package var storeServer: StoreServer
    /// What the keys of this job start with in a store that may hold others or earlier attempts.
    package var storePrefix: String

    /// The job that this process was started as a rank of, or nothing when it was started alone.
    ///
    /// The nearest launcher rules: Apus itself, then torchrun (or anything that fills in its
    /// variables), mpirun, srun. An `salloc` shell and an `sbatch` script have variables of Slurm
    /// but are no ranks.
    ///
    /// - Throws: `Problems` with every variable that is missing or malformed.
    package static func of(_ environment: [String: String]) throws(Problems) -> Rendezvous? {
        var reader = EnvironmentReader(environment)
        let rendezvous: Rendezvous?
        if reader.has("APUS_RANK") {
            rendezvous = readApus(&reader)
        } else if reader.has("RANK") {
            rendezvous = readTorchrun(&reader)
        } else if reader.has("OMPI_COMM_WORLD_RANK") {
            rendezvous = readMPI(&reader, .openMPI)
        } else if SlurmStep.isJoined(environment) {
            rendezvous = readSlurm(&reader)
        } else if reader.has("PMI_RANK") {
            rendezvous = readMPI(&reader, .hydra)
        } else {
            return nil
        }
        guard reader.problems.isEmpty, let rendezvous else { throw Problems(reader.problems) }
        return rendezvous
    }

    private static func readApus(_ reader: inout EnvironmentReader) -> Rendezvous? {
        let worldSize = reader.worldSize("APUS_WORLD_SIZE")
        let rank = reader.index("APUS_RANK", below: worldSize, of: "APUS_WORLD_SIZE")
        let localWorldSize = reader.worldSize("APUS_LOCAL_WORLD_SIZE")
        let localRank = reader.index(
            "APUS_LOCAL_RANK", below: localWorldSize, of: "APUS_LOCAL_WORLD_SIZE")
        let address = reader.address("APUS_MASTER_ADDR")
        let port = reader.port("APUS_MASTER_PORT")
        var store = StoreServer.other
        if rank == 0 {
            let number = reader.integer(
                "APUS_STORE_FD", in: 3...65_535, expected: "the number of an open descriptor")
            store = .this(descriptor: number.map { Int32($0) })
        }
        return make(
            .apus, rank, worldSize, localRank, localWorldSize, address, port, store, prefix: "apus")
    }

    private static func readTorchrun(_ reader: inout EnvironmentReader) -> Rendezvous? {
        let worldSize = reader.worldSize("WORLD_SIZE")
        let rank = reader.index("RANK", below: worldSize, of: "WORLD_SIZE")
        // Kubernetes' PyTorchJob starts one process per pod and sets neither of the two.
        var localWorldSize: Int?
        if reader.has("LOCAL_WORLD_SIZE") { localWorldSize = reader.worldSize("LOCAL_WORLD_SIZE") }
        let localRank =
            reader.has("LOCAL_RANK")
            ? reader.index("LOCAL_RANK", below: localWorldSize, of: "LOCAL_WORLD_SIZE") : 0
        let address = reader.address("MASTER_ADDR")
        let port = reader.port("MASTER_PORT")
        // Source: PyTorch, torch/distributed/rendezvous.py, `_torchelastic_use_agent_store`.
        let usesAgent = reader.value("TORCHELASTIC_USE_AGENT_STORE") == "True"
        let store: StoreServer = usesAgent ? .agent : rank == 0 ? .this(descriptor: nil) : .other
        let run = reader.value("TORCHELASTIC_RUN_ID") ?? "none"
        let attempt = reader.value("TORCHELASTIC_RESTART_COUNT") ?? "0"
        return make(
            .torchrun, rank, worldSize, localRank, localWorldSize, address, port, store,
            prefix: "apus/\(run)/\(attempt)")
    }

    private static func readSlurm(_ reader: inout EnvironmentReader) -> Rendezvous? {
        let sizeName = reader.has("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS"
        let worldSize = reader.worldSize(sizeName)
        let rank = reader.index("SLURM_PROCID", below: worldSize, of: sizeName)
        let hosts = SlurmStep.hosts(&reader)
        let localWorldSize = SlurmStep.localWorldSize(&reader, worldSize: worldSize, hosts: hosts)
        let localRank = reader.index(
            "SLURM_LOCALID", below: localWorldSize, of: "SLURM_TASKS_PER_NODE")
        let address =
            reader.has("MASTER_ADDR")
            ? reader.address("MASTER_ADDR") : hosts.map { $0.count == 1 ? loopback : $0[0] }
        let step = "\(reader.value("SLURM_JOB_ID") ?? "0").\(reader.value("SLURM_STEP_ID") ?? "0")"
        let port = reader.has("MASTER_PORT") ? reader.port("MASTER_PORT") : derivedPort(step)
        return make(
            .srun, rank, worldSize, localRank, localWorldSize, address, port,
            rank == 0 ? .this(descriptor: nil) : .other, prefix: "apus/\(step)")
    }

    private static func readMPI(
        _ reader: inout EnvironmentReader, _ names: MPIVariables
    ) -> Rendezvous? {
        let worldSize = reader.worldSize(names.worldSize)
        let rank = reader.index(names.rank, below: worldSize, of: names.worldSize)
        var localWorldSize: Int?
        if reader.has(names.localWorldSize) {
            localWorldSize = reader.worldSize(names.localWorldSize)
        }
        let localRank =
            reader.has(names.localRank) || localWorldSize != nil
            ? reader.index(names.localRank, below: localWorldSize, of: names.localWorldSize) : 0
        let isOneHost = worldSize != nil && localWorldSize == worldSize
        let job = reader.value("PMIX_NAMESPACE") ?? reader.value("OMPI_MCA_ess_base_jobid")
        var address: String? = loopback
        var port = job.map { derivedPort($0) } ?? defaultPort
        if !isOneHost || reader.has("MASTER_ADDR") {
            let hint =
                "mpirun does not tell where rank 0 runs: pass `-x MASTER_ADDR -x MASTER_PORT`"
            address = reader.address("MASTER_ADDR", hint: isOneHost ? nil : hint)
        }
        if !isOneHost || reader.has("MASTER_PORT") { port = reader.port("MASTER_PORT") ?? port }
        return make(
            .mpirun, rank, worldSize, localRank, localWorldSize, address, port,
            rank == 0 ? .this(descriptor: nil) : .other, prefix: "apus/\(job ?? "none")")
    }

    private static func make(
        _ launcher: Launcher, _ rank: Int?, _ worldSize: Int?, _ localRank: Int?,
        _ localWorldSize: Int?, _ address: String?, _ port: Int?, _ store: StoreServer,
        prefix: String
    ) -> Rendezvous? {
        guard let rank, let worldSize, let localRank, let address, let port else { return nil }
        return Rendezvous(
            launcher: launcher, rank: Rank(rank), worldSize: worldSize, localRank: localRank,
            localWorldSize: localWorldSize, masterAddress: address, masterPort: port,
            storeServer: store, storePrefix: prefix)
    }

    private static let loopback = "127.0.0.1"
    /// The port that PyTorch uses when none is named.
    private static let defaultPort = 29_500

    /// A port that all ranks of a job agree on without talking, below those that the system hands
    /// out (from 32 768 on Linux).
    private static func derivedPort(_ job: String) -> Int {
        20_000 + Int(fingerprint(job) % 10_000)
    }
}

/// How a family of MPI libraries names what it tells its processes.
private struct MPIVariables {
    var rank: String
    var worldSize: String
    var localRank: String
    var localWorldSize: String

    static let openMPI = MPIVariables(
        rank: "OMPI_COMM_WORLD_RANK", worldSize: "OMPI_COMM_WORLD_SIZE",
        localRank: "OMPI_COMM_WORLD_LOCAL_RANK", localWorldSize: "OMPI_COMM_WORLD_LOCAL_SIZE")
    /// MPICH and Intel MPI, whose process manager is Hydra.
    static let hydra = MPIVariables(
        rank: "PMI_RANK", worldSize: "PMI_SIZE", localRank: "MPI_LOCALRANKID",
        localWorldSize: "MPI_LOCALNRANKS")
}
