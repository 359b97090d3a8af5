import ApusBase
import Testing

@testable import ApusControl

private func problems(_ environment: [String: String]) -> [String] {
    do {
        let rendezvous = try Rendezvous.of(environment)
        return ["no error: \(String(describing: rendezvous))"]
    } catch {
        return error.diagnostics.map(\.description)
    }
}

private let torchrun = [
    "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4",
    "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29400",
]

private let slurm = [
    "SLURM_JOB_ID": "4711", "SLURM_STEP_ID": "0", "SLURM_PROCID": "3", "SLURM_NTASKS": "6",
    "SLURM_LOCALID": "1", "SLURM_NODEID": "1", "SLURM_JOB_NODELIST": "gpu[07-09]",
    "SLURM_STEP_TASKS_PER_NODE": "2(x3)",
]

@Suite("rendezvous") struct RendezvousTests {
    @Test(
        "who was started alone is in no job",
        arguments: [
            [:], ["PATH": "/bin"], ["WORLD_SIZE": "4"], ["MASTER_ADDR": "a", "MASTER_PORT": "1"],
            ["SLURM_JOB_ID": "1", "SLURM_NTASKS": "16", "SLURM_JOB_NODELIST": "a"],
            ["SLURM_PROCID": "0", "SLURM_NTASKS": "16", "SLURM_JOB_NODELIST": "a"],
            ["SLURM_PROCID": "0", "SLURM_NTASKS": "16", "SLURM_STEP_ID": "4294967290"],
            ["SLURM_PROCID": "0", "SLURM_NTASKS": "1", "SLURM_STEP_ID": "3"],
        ])
    func isAlone(environment: [String: String]) throws {
        #expect(try Rendezvous.of(environment) == nil)
    }

    @Test("a rank of Apus takes over its place and, as rank 0, the store's socket")
    func joinsApus() throws {
        var environment = [
            "APUS_RANK": "0", "APUS_WORLD_SIZE": "2", "APUS_LOCAL_RANK": "0",
            "APUS_LOCAL_WORLD_SIZE": "2", "APUS_MASTER_ADDR": "127.0.0.1",
            "APUS_MASTER_PORT": "1234", "APUS_STORE_FD": "5", "RANK": "7",
        ]
        var expected = Rendezvous(
            launcher: .apus, rank: Rank(0), worldSize: 2, localRank: 0, localWorldSize: 2,
            masterAddress: "127.0.0.1", masterPort: 1234, storeServer: .this(descriptor: 5),
            storePrefix: "apus")
        #expect(try Rendezvous.of(environment) == expected)
        environment["APUS_RANK"] = "1"
        environment["APUS_LOCAL_RANK"] = "1"
        environment["APUS_STORE_FD"] = nil
        expected.rank = Rank(1)
        expected.localRank = 1
        expected.storeServer = .other
        #expect(try Rendezvous.of(environment) == expected)
    }

    @Test("a rank of torchrun is a client of the agent's store, under a prefix of its attempt")
    func joinsTorchrun() throws {
        var environment = torchrun
        environment["TORCHELASTIC_USE_AGENT_STORE"] = "True"
        environment["TORCHELASTIC_RUN_ID"] = "abc"
        environment["TORCHELASTIC_RESTART_COUNT"] = "2"
        let expected = Rendezvous(
            launcher: .torchrun, rank: Rank(5), worldSize: 8, localRank: 1, localWorldSize: 4,
            masterAddress: "10.0.0.1", masterPort: 29_400, storeServer: .agent,
            storePrefix: "apus/abc/2")
        #expect(try Rendezvous.of(environment) == expected)
    }

    @Test("with the bare variables rank 0 serves the store; the local ones may be missing")
    func joinsBareVariables() throws {
        let second = try #require(try Rendezvous.of(torchrun))
        #expect(second.storeServer == .other)
        var environment = torchrun
        environment["RANK"] = "0"
        environment["LOCAL_RANK"] = nil
        environment["LOCAL_WORLD_SIZE"] = nil
        let first = try #require(try Rendezvous.of(environment))
        #expect(first.storeServer == .this(descriptor: nil))
        #expect(first.localRank == 0)
        #expect(first.localWorldSize == nil)
        #expect(first.storePrefix == second.storePrefix)
    }

    @Test("a task of srun finds rank 0 on the first host, at a port of its step")
    func joinsSlurm() throws {
        let task = try #require(try Rendezvous.of(slurm))
        #expect(task.launcher == .srun)
        #expect(task.rank == Rank(3))
        #expect(task.worldSize == 6)
        #expect(task.localRank == 1)
        #expect(task.localWorldSize == 2)
        #expect(task.masterAddress == "gpu07")
        #expect((20_000..<30_000).contains(task.masterPort))
        var environment = slurm
        environment["SLURM_PROCID"] = "0"
        environment["SLURM_NODEID"] = "0"
        let first = try #require(try Rendezvous.of(environment))
        #expect(first.masterPort == task.masterPort)
        #expect(first.storeServer == .this(descriptor: nil))
        environment["SLURM_STEP_ID"] = "1"
        #expect(try Rendezvous.of(environment)?.masterPort != task.masterPort)
        environment["MASTER_ADDR"] = "login"
        environment["MASTER_PORT"] = "29500"
        let named = try #require(try Rendezvous.of(environment))
        #expect(named.masterAddress == "login")
        #expect(named.masterPort == 29_500)
    }

    @Test("the hosts of the step come before those of the job, and one host needs no name")
    func prefersStepHosts() throws {
        var environment = slurm
        environment["SLURM_STEP_NODELIST"] = "gpu[08-10]"
        #expect(try Rendezvous.of(environment)?.masterAddress == "gpu08")
        environment["SLURM_STEP_NODELIST"] = "gpu08"
        #expect(try Rendezvous.of(environment)?.masterAddress == "127.0.0.1")
        #expect(try Rendezvous.of(environment)?.localWorldSize == 6)
    }

    @Test("mpirun on one host needs nothing more; its rank comes before the daemon's Slurm task")
    func joinsMPI() throws {
        let environment = [
            "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2",
            "OMPI_COMM_WORLD_LOCAL_RANK": "1", "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
            "SLURM_PROCID": "0", "SLURM_STEP_ID": "0", "SLURM_NTASKS": "4",
        ]
        let expected = Rendezvous(
            launcher: .mpirun, rank: Rank(1), worldSize: 2, localRank: 1, localWorldSize: 2,
            masterAddress: "127.0.0.1", masterPort: 29_500, storeServer: .other,
            storePrefix: "apus/none")
        #expect(try Rendezvous.of(environment) == expected)
        let hydra = [
            "PMI_RANK": "0", "PMI_SIZE": "2", "MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": "2",
        ]
        #expect(try Rendezvous.of(hydra)?.storeServer == .this(descriptor: nil))
    }

    @Test("mpirun over several hosts must be told where rank 0 runs")
    func asksForAddress() throws {
        var environment = [
            "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "4",
            "OMPI_COMM_WORLD_LOCAL_RANK": "1", "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
        ]
        #expect(
            problems(environment) == [
                """
                error: environment variable `MASTER_ADDR` is missing  [rendezvous]
                  expected: the host name or address of rank 0
                  hint: mpirun does not tell where rank 0 runs: pass `-x MASTER_ADDR -x MASTER_PORT`
                """,
                """
                error: environment variable `MASTER_PORT` is missing  [rendezvous]
                  expected: a port from 1 to 65535
                """,
            ])
        environment["MASTER_ADDR"] = "fe80::1%eth0"
        environment["MASTER_PORT"] = "29500"
        #expect(try Rendezvous.of(environment)?.masterAddress == "fe80::1%eth0")
    }

    @Test("every variable that is missing or malformed is reported, all at once")
    func reportsAll() {
        let environment = [
            "RANK": "8", "WORLD_SIZE": "8", "LOCAL_RANK": "-1", "LOCAL_WORLD_SIZE": "",
            "MASTER_ADDR": "-oProxyCommand=x\u{1B}[2J", "MASTER_PORT": "70000",
        ]
        #expect(
            problems(environment) == [
                """
                error: environment variable `RANK` is `8`  [rendezvous]
                  expected: an index from 0 to 7, below `WORLD_SIZE` (8)
                """,
                """
                error: environment variable `LOCAL_RANK` is `-1`  [rendezvous]
                  expected: an index from 0 to 65535
                """,
                """
                error: environment variable `MASTER_ADDR` is `-oProxyCommand=x?[2J`  [rendezvous]
                  expected: the host name or address of rank 0
                """,
                """
                error: environment variable `MASTER_PORT` is `70000`  [rendezvous]
                  expected: a port from 1 to 65535
                """,
            ])
    }

    @Test(
        "numbers that are none are refused",
        arguments: [
            "", " 1", "+1", "0x1", "1e2", "٣", "99999999999999999999999", "65537", "0", "-1",
        ])
    func refusesNumbers(value: String) {
        var environment = torchrun
        environment["WORLD_SIZE"] = value
        #expect(problems(environment).contains { $0.contains("`WORLD_SIZE`") })
    }

    @Test(
        "host lists are expanded",
        arguments: [
            ("a", ["a"]), ("node[01-04,7]", ["node01", "node02", "node03", "node04", "node7"]),
            ("a,b[1-2]c,d", ["a", "b1c", "b2c", "d"]),
            ("r[1-2]n[08-10]", ["r1n08", "r1n09", "r1n10", "r2n08", "r2n09", "r2n10"]),
            ("n[098-101]", ["n098", "n099", "n100", "n101"]),
        ])
    func expandsHosts(list: String, hosts: [String]) { #expect(expandHostList(list) == hosts) }

    @Test(
        "malformed host lists are refused, and huge ones cost nothing",
        arguments: [
            "", ",", "a,", "a[", "a[1", "a]", "a[]", "a[1-]", "a[2-1]", "a[x]", "a[1-2-3]", "a b",
            "-a",
            "a[0-9999999999]", "a[0-99999]", "a[0-9999][0-9999][0-9999]", "a[1,[2]]",
            "a[99999999999999999999]",
        ])
    func refusesHosts(list: String) { #expect(expandHostList(list) == nil) }

    @Test("a malformed host list names its variable")
    func reportsHostList() {
        var environment = slurm
        environment["SLURM_JOB_NODELIST"] = "gpu[7-"
        #expect(
            problems(environment) == [
                """
                error: environment variable `SLURM_JOB_NODELIST` is `gpu[7-`  [rendezvous]
                  expected: a list of hosts such as `node[01-04,7]`
                """
            ])
    }

    @Test("counts of tasks are expanded")
    func expandsCounts() {
        #expect(SlurmStep.expandCounts("4(x2),3") == [4, 4, 3])
        for text in ["", "x", "4(", "4(x)", "4(x0)", "0", "4(x99999999)", "4,,3", "-1"] {
            #expect(SlurmStep.expandCounts(text) == nil)
        }
    }
}
