import ApusPlan
import Testing

@testable import ApusProgram

/// Every layout that the properties below are tried on.
struct Layout: CustomTestStringConvertible, Sendable {
    var degrees: Degrees
    var schedule: Plan.Schedule
    var microBatches: Int
    var recompute: Plan.Recompute
    var tied: Bool
    var tensor = 1
    var zeroStage = 0
    var layerCount = 8
    var chunks = 1
    /// Whether the first layer is dense and the others have shared experts.
    var isMixed = false

    var testDescription: String {
        "pp\(degrees.pipeline) dp\(degrees.data) ep\(degrees.expert) \(schedule.name) "
            + "m\(microBatches) \(recompute.rawValue) tied \(tied) tp\(tensor) zero\(zeroStage) "
            + "l\(layerCount) v\(chunks)\(isMixed ? " mixed" : "")"
    }

    var model: Model {
        var model = Model(
            layerCount: layerCount, hiddenSize: 64, headCount: 4, keyValueHeadCount: 2, headDim: 16,
            expertCount: 8, topK: 2, expertHiddenSize: 96, vocabularySize: 512,
            tiesEmbeddings: tied)
        guard isMixed else { return model }
        model.denseLayers = [0]
        model.denseHiddenSize = 160
        model.sharedExpertHiddenSize = 32
        return model
    }

    func program() throws -> Program {
        let plan = Plan(
            degrees: degrees, schedule: schedule, chunksPerRank: chunks, zeroStage: zeroStage,
            buckets: [])
        let shape = StepShape(
            sequenceLength: 16, sequencesPerMicroBatch: 2, microBatches: microBatches,
            tensorParallel: tensor, recompute: recompute)
        return try compile(model: model, plan: plan, shape: shape)
    }

    static let all = contiguous + chunked

    /// Every schedule that needs more than whole passes of one chunk.
    private static let chunked: [Layout] = [1, 2, 3, 4].flatMap { pipeline in
        [(1, 1), (2, 2), (4, 2)].flatMap { data, expert in
            [Plan.Schedule.interleaved, .zeroBubbleH1, .zeroBubbleV, .dualPipeV].flatMap {
                schedule in
                [1, 3, 4, 7, 16].map { microBatches in
                    Layout(
                        degrees: Degrees(pipeline: pipeline, data: data, expert: expert),
                        schedule: schedule, microBatches: microBatches,
                        recompute: microBatches % 2 == 0 ? .none : .full,
                        tied: (pipeline + data) % 2 == 0,
                        tensor: data > 1 && microBatches == 4 ? 2 : 1,
                        zeroStage: microBatches == 7 ? 1 : 0, layerCount: microBatches == 3 ? 9 : 8,
                        chunks: schedule == .interleaved ? 2 : 1,
                        isMixed: microBatches == 7 || microBatches == 4)
                }
            }
        }
    }

    private static let contiguous: [Layout] = [1, 2, 3, 4, 8].flatMap { pipeline in
        [(1, 1), (2, 1), (4, 2), (4, 4)].flatMap { data, expert in
            [Plan.Schedule.gpipe, .oneForwardOneBackward].flatMap { schedule in
                // Many micro-batches add nothing but time where ranks of a stage differ.
                (data == 1 ? [1, 2, 3, 7, 16] : [1, 2, 3, 7]).map { microBatches in
                    Layout(
                        degrees: Degrees(pipeline: pipeline, data: data, expert: expert),
                        schedule: schedule, microBatches: microBatches,
                        recompute: microBatches % 2 == 0 ? .none : .full,
                        tied: (pipeline + data) % 2 == 0,
                        tensor: data > 1 && microBatches == 3 ? 2 : 1,
                        zeroStage: microBatches == 7 ? 1 : 0)
                }
            }
        }
    }
}

extension Layout {
    /// A few layouts so small that every damage at every place can be tried: one rank, two stages
    /// with each schedule, experts over ranks, recomputation, tensor parallelism and ZeRO.
    static let tiny: [Layout] = [
        Layout(
            degrees: Degrees(), schedule: .gpipe, microBatches: 2, recompute: .none, tied: true,
            layerCount: 2),
        Layout(
            degrees: Degrees(pipeline: 2, data: 2, expert: 2), schedule: .oneForwardOneBackward,
            microBatches: 3, recompute: .none, tied: true, zeroStage: 1, layerCount: 3),
        Layout(
            degrees: Degrees(pipeline: 2, data: 4, expert: 2), schedule: .gpipe, microBatches: 2,
            recompute: .full, tied: false, layerCount: 2),
        Layout(
            degrees: Degrees(pipeline: 3, data: 4, expert: 4), schedule: .oneForwardOneBackward,
            microBatches: 2, recompute: .none, tied: true, tensor: 2, layerCount: 3),
        Layout(
            degrees: Degrees(pipeline: 2, data: 2), schedule: .interleaved, microBatches: 2,
            recompute: .none, tied: true, layerCount: 4, chunks: 2),
        Layout(
            degrees: Degrees(pipeline: 2, data: 2, expert: 2), schedule: .zeroBubbleV,
            microBatches: 3, recompute: .none, tied: true, layerCount: 4),
        Layout(
            degrees: Degrees(pipeline: 2), schedule: .zeroBubbleH1, microBatches: 3,
            recompute: .full, tied: false, layerCount: 2, isMixed: true),
        Layout(
            degrees: Degrees(pipeline: 2, data: 2, expert: 2), schedule: .dualPipeV,
            microBatches: 5, recompute: .none, tied: false, tensor: 2, zeroStage: 1, layerCount: 4,
            isMixed: true),
        Layout(
            degrees: Degrees(data: 2, expert: 2), schedule: .gpipe, microBatches: 1,
            recompute: .none, tied: true, layerCount: 3, isMixed: true),
    ]
}
