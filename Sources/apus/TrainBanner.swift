import ApusBase
import ApusPlan
import ApusProgram
import ApusRuntime
import ApusSystem

/// What a run is about to do: what runs where, and what was assumed.
struct TrainBanner {
    let job: TrainingJob
    let launcher: String
    let corpusSize: Bytes
    let sequenceCount: Int
    let entropy: ByteEntropy

    var lines: [String] {
        replacementLines + modelLines + layoutLines + stageLines + workLines
    }

    private var replacementLines: [String] {
        guard !job.replacements.isEmpty else { return [] }
        return ["replaced of \(job.file):"] + job.replacements.map { "  \($0)" } + [""]
    }

    private var modelLines: [String] {
        let model = job.deployment.model
        let kinds = StoredParameter.Kind.allCases.compactMap { kind -> String? in
            let count = model.parameterCount(of: kind)
            return count > 0 ? "\(kind.rawValue) \(grouped(count))" : nil
        }
        return [
            "model   \(model.layerCount) layers, hidden \(model.hiddenSize), "
                + "\(model.headCount) heads of \(model.headDim), \(model.expertCount) experts of "
                + "\(model.expertHiddenSize), top-\(model.topK), vocabulary "
                + "\(grouped(model.vocabularySize)), "
                + "\(model.tiesEmbeddings ? "tied" : "untied") head",
            "        \(grouped(model.parameterCount)) parameters: "
                + kinds.joined(separator: ", "),
        ]
    }

    private var layoutLines: [String] {
        let degrees = job.plan.degrees
        let mesh = job.program.mesh
        let folded =
            degrees.expert > 1 ? ", experts \(degrees.expert)-way folded into data" : ""
        return [
            "layout  \(mesh.worldSize) ranks on \(Host.name) by \(launcher): pipeline "
                + "\(degrees.pipeline) × data \(degrees.data)\(folded); schedule "
                + "\(job.plan.schedule.name), placement \(mesh.placement.rawValue)",
            "        program proven: \(job.program.classes.count) classes, "
                + "\(job.program.classes.map(\.instructions.count).reduce(0, +)) instructions",
        ]
    }

    /// One line per stage: its ranks, layers, and what each of them holds.
    private var stageLines: [String] {
        let mesh = job.program.mesh
        return job.program.classes.map { programClass in
            let ranks = (0..<mesh.degrees.stageSize).map {
                mesh.rank(at: MeshPosition(stage: programClass.stage, local: $0)).index
            }
            let model = job.deployment.model
            let count = job.program.parameterCount(of: programClass, in: model)
            let kept = job.program.persistentSize(of: programClass, in: model)
            return
                "stage \(programClass.stage) ranks \(list(ranks)), "
                + "layers \(programClass.layerWords): \(grouped(count)) parameters a rank, \(kept) "
                + "with gradients and Adam, activations planned at "
                + "\(programClass.memoryPeak.size)"
        }
    }

    private var workLines: [String] {
        let run = job.deployment.run
        return job.programs.map(batchLine) + [
            "data    \(job.data.joined(separator: " ")): \(corpusSize) as bytes, "
                + "\(grouped(sequenceCount)) sequences, byte entropy "
                + "\(fixed(entropy.bitsPerByte, decimals: 3)) bits = "
                + "\(fixed(entropy.natsPerByte, decimals: 4)) nats"
                + (entropy.isExact ? "" : " (of \(entropy.counted) sampled)"),
            "run     \(run.steps) steps of AdamW, learning rate \(run.learningRate) after "
                + "\(run.warmupSteps) steps of warm-up, then cosine decay to a tenth; clip "
                + "\(run.gradientClip), seed \(run.seed), \(run.precision.rawValue)",
        ]
    }

    private func batchLine(_ program: Program) -> String {
        let (run, shape) = (job.deployment.run, program.shape)
        let slices =
            shape.tensorParallel > 1
            ? "; \(shape.tensorParallel) ranks share one in slices of attention" : ""
        return "batch   \(run.sequencesPerStep) sequences of \(shape.sequenceLength) tokens "
            + "= \(run.sequencesPerStep * shape.sequenceLength) tokens a step; on each data rank "
            + "\(shape.microBatches) micro-batch\(shape.microBatches == 1 ? "" : "es") of "
            + "\(shape.sequencesPerMicroBatch)\(slices)"
    }

    private func list(_ ranks: [Int]) -> String {
        let step = ranks.count > 1 ? ranks[1] - ranks[0] : 1
        guard ranks.count > 1 else { return "\(ranks[0])" }
        let by = step == 1 ? "" : " by \(step)"
        return "\(ranks[0])–\(ranks[ranks.count - 1])\(by)"
    }
}
