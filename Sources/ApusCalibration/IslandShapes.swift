import ApusBase
import ApusPlan
import ApusProgram
import ApusSystem

/// The micro-batches for which whole islands of a model are measured.
package struct IslandShapes: Hashable, Sendable {
    /// One run of a small stack of the model's layers.
    struct Run: Hashable, Sendable {
        /// With as many experts as one rank of `expertDegree` holds.
        var model: Model
        var expertDegree: Int
        /// Of the micro-batch whose islands these are.
        var sequences: Int
        /// Of the run, which gets more tokens where it has fewer experts for each.
        var sequencesRun: Int
    }

    let model: Model
    let length: Int
    var sequences: [Int]
    /// Experts on one rank, the most first.
    var expertCounts: [Int]

    /// FLOPs of one step beyond which a run would take too long.
    private static let flopsMax = 1e11
    private static let layersMax = 4

    /// `nil` for a model that the runtime does not train.
    init?(model: Model, length: Int, expertCounts: [Int]) {
        guard Calibration.IslandModel(model, type: .fp32) != nil else { return nil }
        self.model = model
        self.length = length
        sequences = [1, 2, 4, 8, 16].filter { $0 * length <= max(length, 4096) }
        self.expertCounts = expertCounts
    }

    /// The runs that this host can do: those with all experts first, and one of a single layer, so
    /// that the least and the most weights of a rank are among them.
    var runs: [Run] {
        var runs = expertCounts.flatMap { experts in
            sequences.compactMap { run(experts: experts, sequences: $0, layers: Self.layersMax) }
        }
        if let experts = expertCounts.min(), let least = sequences.first,
            let run = run(experts: experts, sequences: least, layers: 1)
        {
            runs.append(run)
        }
        return runs.filter { persistentSize($0.model).count < Host.memory.available.count / 8 }
    }

    /// A run with as many rows for each expert as `expertDegree` ranks would send them.
    private func run(experts: Int, sequences: Int, layers: Int) -> Run? {
        var part = model
        part.expertCount = experts
        part.topK = min(model.topK, experts)
        // A token of the run stands for as many rows as it has experts.
        guard (sequences * model.topK).isMultiple(of: part.topK) else { return nil }
        let all = sequences * model.topK / part.topK
        part.layerCount = min(layers, model.layerCount)
        func flops() -> Double {
            2 * Double(all * length) * part.trainingFLOPsPerToken(length: length)
        }
        while part.layerCount > 1, flops() > Self.flopsMax { part.layerCount -= 1 }
        guard flops() <= Self.flopsMax else { return nil }
        return Run(
            model: part, expertDegree: model.expertCount / experts, sequences: sequences,
            sequencesRun: all)
    }

    /// Weights, gradients and both moments of a whole model.
    private func persistentSize(_ model: Model) -> Bytes {
        4 * Bytes(4 * model.parameters.map(\.count).reduce(0, +))
    }
}
