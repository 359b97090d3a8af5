import ApusBase
import ApusCost
import ApusPlan

/// One way to run with a given expert degree.
struct ExpertDegreeRepair {
    var change: String
    var alternative: Alternative

    var words: String {
        "\(change): \(alternative.prediction.worldSize) GPUs, \(alternative.words) at "
            + "\(alternative.step.sequenceLength) tokens"
    }

    /// The plan's own degree, and the ways to the degree asked for: on the same ranks with fewer
    /// stages, with wider stages, and with an axis of its own.
    static func options(for deployment: Deployment, degree: Int) -> [ExpertDegreeRepair] {
        guard let plan = deployment.plan, let length = deployment.workload.sequenceLengths.max()
        else { return [] }
        let planned = plan.degrees
        var options: [ExpertDegreeRepair] = []
        func add(_ change: String, _ degrees: Degrees?) {
            let alternative = Alternative(to: deployment, at: length) { changed in
                if let degrees { changed.changeDegrees(to: degrees) }
            }
            guard let alternative else { return }
            options.append(ExpertDegreeRepair(change: change, alternative: alternative))
        }
        add("ep\(planned.expert) as planned", nil)
        let slices = planned.context * planned.tensor
        let group = boundedProduct([degree, planned.expertTensor])
        guard degree != planned.expert, group % slices == 0, group <= 65_536 else { return options }
        var wide = planned
        wide.expert = degree
        if planned.worldSize % group == 0 {
            var same = wide
            same.pipeline = planned.worldSize / group
            same.data = group / slices
            add("pp\(same.pipeline)·dp\(same.data)·ep\(degree), folded on the same ranks", same)
        }
        wide.data = group / slices
        if wide.data != planned.data || wide.pipeline != planned.pipeline,
            boundedProduct([wide.pipeline, group]) != planned.worldSize
        {
            add("pp\(wide.pipeline)·dp\(wide.data)·ep\(degree), folded into wider stages", wide)
        }
        var apart = wide
        apart.data = boundedProduct([planned.data, degree])
        if boundedProduct([apart.pipeline, apart.data, slices]) <= 65_536 {
            add("pp\(apart.pipeline)·dp\(planned.data)·ep\(degree) unfolded", apart)
        }
        return options
    }
}
