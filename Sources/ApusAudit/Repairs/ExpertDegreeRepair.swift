import ApusBase
import ApusCost
import ApusPlan

/// The ways to run with a given expert degree.
enum ExpertDegreeRepair {
    /// The plan's own degree, and the degree asked for: on the same ranks with fewer stages, in
    /// wider stages, and with an axis of its own.
    static func options(for deployment: Deployment, degree: Int) -> [Change] {
        guard let plan = deployment.plan, let length = deployment.workload.sequenceLengths.max()
        else { return [] }
        let planned = plan.degrees
        var list = ChangeList(to: deployment, at: length)
        list.add("expert degree \(planned.expert) as planned, at \(length) tokens")
        let slices = planned.context * planned.tensor
        let group = boundedProduct([degree, planned.expertTensor])
        let ranksMax = FileSchema.ranks.upperBound
        guard degree != planned.expert, group % slices == 0, group <= ranksMax else {
            return list.changes
        }
        var wide = planned
        wide.expert = degree
        wide.data = group / slices
        var same = wide
        same.pipeline = planned.worldSize / group
        if planned.worldSize.isMultiple(of: group), same != wide {
            list.add("folded, pp\(same.pipeline)·dp\(same.data)·ep\(degree) on the same ranks") {
                $0.changeDegrees(to: same)
            }
        }
        list.add("folded, pp\(wide.pipeline)·dp\(wide.data)·ep\(degree) with wider stages") {
            $0.changeDegrees(to: wide)
        }
        var apart = wide
        apart.data = boundedProduct([planned.data, degree])
        if apart.data <= ranksMax / (apart.pipeline * slices) {
            list.add("unfolded, pp\(apart.pipeline)·dp\(planned.data)·ep\(degree)") {
                $0.changeDegrees(to: apart)
            }
        }
        return list.changes
    }
}

extension Change {
    /// The change with its price in words.
    var words: String {
        "\(change): \(counted(alternative.prediction.worldSize, "GPU", "GPUs")), "
            + alternative.words
    }
}
