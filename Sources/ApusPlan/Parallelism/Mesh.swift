package import ApusBase

/// The ranks of a job as the two folded meshes of a plan.
///
/// Attention lives on `pp × dp × cp × tp` and experts on `pp × edp × ep × etp`; both cover the same
/// ranks of a stage. Within a stage the order is fixed, innermost first: tp, cp, dp for attention,
/// and etp, ep, edp for experts.
package struct Mesh: Hashable, Sendable {
    package let degrees: Degrees
    package let placement: Plan.Placement
    /// The part of the tensor degree that a sequence-length bucket carves out of the data axis:
    /// such ranks compute with slices of weights that each of them holds whole.
    package let carvedTensor: Int
    /// The chunks of the model that lie on the stages.
    package let virtualStages: VirtualStages

    package init(
        _ degrees: Degrees, placement: Plan.Placement, carvedTensor: Int = 1, chunks: Int = 1,
        isV: Bool = false
    ) {
        precondition(degrees.tensor % carvedTensor == 0, "a part of the tensor degree is carved")
        self.degrees = degrees
        self.placement = placement
        self.carvedTensor = carvedTensor
        virtualStages = VirtualStages(stages: degrees.pipeline, chunks: chunks, isV: isV)
    }

    /// The tensor degree by which weights are stored in slices.
    private var storedTensor: Int { degrees.tensor / carvedTensor }
}

/// A set of ranks that take part in a collective together, named by what they share.
package enum Axis: String, Hashable, Comparable, Sendable, CaseIterable {
    /// Ranks of one stage that hold the same dense weights: `dp × cp`, and a carved tensor degree.
    case data
    /// Ranks of one stage that compute with slices of the same dense weights.
    case tensor
    /// Ranks of one stage that hold different experts of the same layers.
    case expert
    /// Ranks of one stage that hold the same experts.
    case expertData = "expert_data"
    /// Ranks that hold the token embedding: of the first stage, and of the head's where it is tied.
    case embedding
    /// All ranks of the job.
    case world

    /// Axes in the order in which they are declared.
    package static func < (left: Axis, right: Axis) -> Bool { left.order < right.order }

    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// Where a rank stands: its stage, and its index among the ranks of that stage.
package struct MeshPosition: Hashable, Sendable {
    package var stage: Stage
    package var local: Int

    package init(stage: Stage, local: Int) {
        self.stage = stage
        self.local = local
    }
}

extension Mesh {
    package var worldSize: Int { degrees.worldSize }
    /// The stage with the head and the loss.
    package var headStage: Stage { Stage(virtualStages.headStage) }
    /// The stages that hold the token embedding where it is the head's weight too.
    package var embeddingStages: [Stage] {
        headStage.index == 0 ? [Stage(0)] : [Stage(0), headStage]
    }

    package func position(of rank: Rank) -> MeshPosition {
        switch placement {
        case .outermost:
            MeshPosition(
                stage: Stage(rank.index / degrees.stageSize), local: rank.index % degrees.stageSize)
        case .innermost:
            MeshPosition(
                stage: Stage(rank.index % degrees.pipeline), local: rank.index / degrees.pipeline)
        }
    }

    package func rank(at position: MeshPosition) -> Rank {
        switch placement {
        case .outermost: Rank(position.stage.index * degrees.stageSize + position.local)
        case .innermost: Rank(position.local * degrees.pipeline + position.stage.index)
        }
    }

    /// The batch replica that a rank computes for, from 0 to `degrees.data` - 1.
    package func dataIndex(local: Int) -> Int { local / (degrees.tensor * degrees.context) }

    /// Which slice of attention a rank computes, from 0 to `degrees.tensor` - 1: its place in its
    /// tensor group.
    package func tensorIndex(of rank: Rank) -> Int { position(of: rank).local % degrees.tensor }

    /// Which share of each layer's experts a rank holds, from 0 to `degrees.expert` - 1.
    package func expertIndex(local: Int) -> Int {
        local / degrees.expertTensor % degrees.expert
    }

    /// Which replica of its experts a rank holds.
    package func expertDataIndex(local: Int) -> Int {
        local / (degrees.expertTensor * degrees.expert)
    }

    /// The ranks that `rank` shares `axis` with, itself included, in the order of the group.
    package func group(_ axis: Axis, of rank: Rank) -> [Rank] {
        let own = position(of: rank)
        switch axis {
        case .data:
            return stageRanks(own.stage) { $0 % storedTensor == own.local % storedTensor }
        case .tensor:
            return stageRanks(own.stage) { $0 / degrees.tensor == own.local / degrees.tensor }
        case .expert:
            return stageRanks(own.stage) { local in
                expertDataIndex(local: local) == expertDataIndex(local: own.local)
                    && local % degrees.expertTensor == own.local % degrees.expertTensor
            }
        case .expertData:
            let period = degrees.expert * degrees.expertTensor
            return stageRanks(own.stage) { $0 % period == own.local % period }
        case .embedding:
            return embeddingStages.flatMap { stage in
                stageRanks(stage) { $0 % storedTensor == own.local % storedTensor }
            }
        case .world:
            return (0..<worldSize).map { Rank($0) }
        }
    }

    /// How many ranks share `axis`.
    package func size(of axis: Axis) -> Int {
        switch axis {
        case .data: degrees.stageSize / storedTensor
        case .tensor: degrees.tensor
        case .expert: degrees.expert
        case .expertData: degrees.expertData
        case .embedding: degrees.stageSize / storedTensor * embeddingStages.count
        case .world: worldSize
        }
    }

    /// A rank's place in words, such as `stage 1, data 2, expert 2`.
    package func describe(_ rank: Rank) -> String {
        let own = position(of: rank)
        var parts = ["stage \(own.stage)"]
        if degrees.data > 1 { parts.append("data \(dataIndex(local: own.local))") }
        if degrees.expert > 1 { parts.append("expert \(expertIndex(local: own.local))") }
        return parts.joined(separator: ", ")
    }

    private func stageRanks(_ stage: Stage, where included: (Int) -> Bool) -> [Rank] {
        (0..<degrees.stageSize).filter(included).map {
            rank(at: MeshPosition(stage: stage, local: $0))
        }
    }
}

/// As many numbers as `parts` that add up to `count`, the first of them one more where it does not
/// divide.
package func evenSplit(_ count: Int, into parts: Int) -> [Int] {
    (0..<parts).map { count / parts + ($0 < count % parts ? 1 : 0) }
}
