import ApusBase
import ApusPlan
import Testing

@testable import ApusAudit

@Suite("Launch commands")
struct LaunchTests {
    private let plan = Plan(
        degrees: Degrees(pipeline: 4, data: 4, expert: 4),
        buckets: [
            Plan.Bucket(
                lengthMax: nil, microBatches: 8, sequencesPerDataRank: 32, tensorParallel: 1,
                recompute: .none)
        ])
    private let cluster = Cluster(
        nodeCount: 4, gpusPerNode: 4,
        gpu: GPU(
            name: "any", peakTeraFLOPs: [.fp16: 400], memoryGB: 64,
            memoryBandwidthGBPerSecond: 1800), links: [])

    private func review(_ text: String) -> LaunchReview {
        LaunchReview(text, plan: plan, cluster: cluster)
    }

    private func errors(_ text: String) -> [String] {
        review(text).problems.filter { $0.severity == .error }.map(\.sentence)
    }

    @Test(
        "commands that start what the plan says hold",
        arguments: [
            "deepspeed --hostfile=h --num_gpus=4 --num_nodes=4 train.py --pp_size=4 --ep_size=4",
            "torchrun --nnodes 4 --nproc-per-node 4 train.py --pp 4 --dp 4 --ep 4",
            "torchrun --nnodes=4 --nproc_per_node=4 --rdzv-backend=c10d --rdzv-endpoint=a:1 "
                + "pretrain_gpt.py --pipeline-model-parallel-size 4 --expert-model-parallel-size 4",
            "python3 -m torch.distributed.run --nnodes=4 --nproc-per-node=4 train.py",
            "srun -N 4 --ntasks-per-node=4 train.py --pp_size 4 --ep_size 4",
            "srun -N4 -n 16 python train.py --pp_size 4 --ep_size 4",
            "mpirun -np 16 python train.py",
            "NCCL_DEBUG=INFO /bin/torchrun --nnodes=4 --nproc-per-node=4 'a b.py' --pp 4 --ep 4",
            "torchrun --nnodes=4 --nproc-per-node=4 -m torchtitan.py "
                + "--parallelism.pipeline_parallel_degree=4 --parallelism.expert_parallel_degree=4",
            "accelerate launch --num_machines 4 --num_processes 16 train.py --pp 4 --ep 4",
        ])
    func acceptsCommand(text: String) {
        #expect(errors(text) == [])
        #expect(review(text).isRight)
    }

    @Test("a misspelt launcher is named, with the one that was meant")
    func findsMisspelling() {
        let problems = review("deepeed --num_gpus=4 --num_nodes=4 --hostfile=h train.py").problems
        #expect(problems.map(\.sentence) == ["`deepeed` is no launcher"])
        #expect(problems.map(\.hint) == ["did you mean `deepspeed`?"])
        #expect(errors("") == ["`` is no launcher"])
        #expect(errors("./run --pp 4 --ep 4") == ["`./run` is no launcher"])
    }

    @Test("a launcher's flag that does not exist is named")
    func findsUnknownFlag() {
        #expect(
            errors("torchrun --nodes=4 --nproc-per-node=4 train.py") == [
                "`--nodes` is no flag of `torchrun`",
                "the command starts 4 processes, the plan has 16 ranks",
            ])
    }

    @Test("processes are counted as the launcher counts them")
    func countsProcesses() {
        func count(_ text: String) -> Int? { review(text).started?.count }
        #expect(count("deepspeed --num_gpus=16 --num_nodes=4 train.py") == 64)
        #expect(count("torchrun --nproc-per-node=8 train.py") == 8)
        #expect(count("torchrun --nnodes=2 --nproc-per-node=gpu train.py") == nil)
        #expect(count("srun --nodes=2 --ntasks-per-node=8 train.py") == 16)
        #expect(count("srun -n 12 train.py") == 12)
        #expect(count("mpirun -n 6 python train.py") == 6)
        #expect(count("torchrun --nnodes=9999999999 --nproc-per-node=9999999999 a.py") == Int.max)
        #expect(
            errors("srun -n 12 train.py")
                == ["the command starts 12 processes, the plan has 16 ranks"])
        #expect(
            errors("torchrun --nnodes=8 --nproc-per-node=2 train.py")
                == ["`--nnodes=8`, the cluster has 4 nodes"])
    }

    @Test("degrees are held against the plan and against each other")
    func comparesDegrees() {
        let start = "torchrun --nnodes=4 --nproc-per-node=4 train.py"
        #expect(
            errors("\(start) --pp 2 --ep 4") == ["`--pp=2`, `plan.pipeline_parallel` is 4"])
        #expect(
            errors("\(start) --pp 4") == [
                "no flag gives the expert degree, `plan.expert_parallel` is 4"
            ])
        #expect(
            errors("\(start) --pp 4 --dp 4 --ep 16") == [
                "`--ep=16`, `plan.expert_parallel` is 4",
                "expert degree 16 does not fit the 4 ranks of a stage that the command gives",
            ])
        #expect(
            errors("\(start) --pp 4 --dp 4 --ep 0") == ["`--ep=0`, `plan.expert_parallel` is 4"])
    }

    @Test("the message says where the command stands and how to count")
    func explainsCount() throws {
        let claim =
            "id: launch, quantity: launch_command, value: "
            + "'deepspeed --hostfile=h --num_gpus=4 --num_nodes=2 train.py'"
        let report = try AuditFile.report(claims: [claim])
        #expect(
            report.problems.map(\.description) == [
                """
                plans/small.yaml:25:45: error: the command starts 8 processes, the plan has 4 \
                ranks  [launch-command]
                  `--num_gpus=4` on each of `--num_nodes=2` = 8 processes
                  expected: `--num_gpus=2`
                  hint: `--num_gpus` counts the GPUs of one node, of which a node has 2
                """
            ])
        #expect(report.claims.map(\.verdict) == [.wrong])
    }

    @Test("a repaired command holds", arguments: 0..<200)
    func repairsCommand(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        func number() -> Int { Int.random(in: 0...32, using: &generator) }
        let launchers = ["deepspeed", "deepsped", "torchrun", "torchrum", "srun", "mpirun"]
        let launcher = launchers.randomElement(using: &generator) ?? "srun"
        let flags = [
            "--num_gpus=\(number())", "--num_nodes \(number())", "--nnodes=\(number())",
            "--nproc-per-node=\(number())", "--ntasks-per-node=\(number())", "-n \(number())",
        ].shuffled(using: &generator).prefix(3)
        let degrees = [
            "--pp_size=\(number())", "--dp \(number())", "--ep_size \(number())",
            "--tp=\(number())", "--lr=0.1",
        ].shuffled(using: &generator)
        let text = ([launcher] + flags + ["train.py"] + degrees).joined(separator: " ")
        let repaired = review(text).repaired
        #expect(errors(repaired) == [], "\(text)\n\(repaired)")
    }

    @Test(
        "words are split as a shell splits them",
        arguments: [
            ("a  b", ["a", "b"]), ("a 'b c' \"d e\"", ["a", "b c", "d e"]),
            ("a\\ b", ["a b"]), ("a \\\n b", ["a", "b"]), ("a ''", ["a", ""]), ("", []),
        ])
    func splitsWords(text: String, words: [String]) {
        #expect(LaunchCommand.words(of: text) == words)
    }
}
