import ApusBase
import ApusCalibration
import ApusControl
import ApusEngine
import ApusPlan
import ApusSystem
import ArgumentParser

struct CalibrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate",
        abstract: "Measures this machine, or reads logs of others.",
        usage: "apus calibrate [<file>] [--from <path> ...] [options]",
        discussion: """
            Measures products, attention, other kernels, memory and collectives on local ranks, \
            each with one thread, in less than two minutes; with a deployment, at the shapes of \
            its model. With `--from` nothing is measured: it reads the output of nccl-tests, logs \
            of Megatron-LM and torchtitan, and traces of PyTorch's profiler.

            A deployment takes the result with `cluster: { calibration: cluster.yaml, … }`.

            Examples:
              apus calibrate -o cluster.yaml
              apus calibrate Plans/small.yaml --ranks 4 -o cluster.yaml
              apus calibrate --from all_reduce.txt trace.json --gpu h100-sxm -o cluster.yaml
            """)

    @Argument(help: "A deployment whose model gives the shapes to measure.")
    var file: String?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Read these logs and traces instead of measuring.", valueName: "path"))
    var from: [String] = []

    @Option(name: .shortAndLong, help: ArgumentHelp("Write the cluster here.", valueName: "yaml"))
    var output: String?

    @Flag(help: "Overwrite the file of `--output`, unless it is an input.")
    var force = false

    @Option(help: ArgumentHelp("Local ranks for the collectives.", valueName: "count"))
    var ranks = 8

    @Flag(help: "Measure fewer shapes, less often.")
    var quick = false

    @Option(
        help: ArgumentHelp(
            "The GPU that was measured, as a cluster file names it.",
            valueName: "name"))
    var gpu: String?

    @Option(help: "What ranks compute on: auto (GPUs where each gets one), cpu or cuda.")
    var device = DeviceChoice.auto

    @OptionGroup var options: SharedOptions

    func validate() throws {
        try require(ranks, of: "--ranks", in: 1...64)
        if force, output == nil { throw ValidationError("`--force` goes with `--output`") }
        if let gpu, GPU.preset(gpu) == nil, gpu.isEmpty || gpu.utf8.count > 256 {
            throw ValidationError("`--gpu` is no name")
        }
        if !from.isEmpty, quick { throw ValidationError("`--quick` is for measuring") }
    }

    func run() throws {
        try answering(options) {
            if let rendezvous = try Rendezvous.of(Host.environment()) {
                return try CalibrationProcess(
                    job: try job(), rendezvous: rendezvous, options: options
                ).run()
            }
            try refuseToOverwrite(
                output.map { [$0] } ?? [], force: force, inputs: from + (file.map { [$0] } ?? []))
            let cluster =
                from.isEmpty
                ? try CalibrationLauncher(job: try job(), options: options).run()
                : try LogCluster(files: from, gpu: gpu).cluster()
            try write(cluster)
        }
    }

    /// What every rank is told, from the same arguments.
    private func job() throws -> CalibrationJob {
        let engine = try options.locateEngine()
        var shapes = CalibrationShapes.grid
        if let file {
            let read = try loadDeployment(file, leavesOutUnsoundPlan: true)
            shapes = CalibrationShapes(
                model: read.deployment.model, length: read.deployment.run.sequenceLength)
        }
        return CalibrationJob(
            shapes: shapes, ranks: ranks, isQuick: quick, gpu: gpu, enginePath: engine,
            device: device)
    }

    private func write(_ cluster: Cluster) throws {
        let text = cluster.text()
        if let output {
            try writeFileAtomically(Array(text.utf8), to: output)
        }
        if options.json { return try printJSON(CalibrationRecord(cluster)) }
        if output == nil { return printLine(String(text.dropLast())) }
        for line in CalibrationSummary(cluster).lines where !options.quiet { printLine(line) }
    }
}

/// What a calibration measures, and on what.
struct CalibrationJob {
    var shapes: CalibrationShapes
    var ranks: Int
    var isQuick: Bool
    var gpu: String?
    var enginePath: String
    var device: DeviceChoice
}
