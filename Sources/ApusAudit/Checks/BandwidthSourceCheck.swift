import ApusBase
import ApusCost
import ApusPlan

/// Whether a bandwidth between GPUs was taken from the memory of one.
struct BandwidthSourceCheck: Check {
    func findings(in audit: Audit) -> [Diagnostic] {
        let deployment = audit.deployment
        guard let plan = deployment.plan, let cluster = deployment.cluster,
            let claim = audit.figures.claim(.expertGroupBandwidth),
            let claimed = audit.figures.number(.expertGroupBandwidth),
            let length = deployment.workload.sequenceLengths.first
        else { return [] }
        let measure = audit.quantities.measure(.expertGroupBandwidth, at: length)
        guard let nominal = measure.number,
            (claimed - nominal).magnitude > Audit.tolerance * nominal
        else { return [] }
        let memory = cluster.gpu.memoryBandwidthGBPerSecond
        let counts = [
            cluster.worldSize, plan.degrees.stageSize, plan.degrees.expert, cluster.gpusPerNode, 1,
        ]
        // A utilization is a round figure: a multiple of 5 %.
        let match = counts.lazy.compactMap { count -> (count: Int, share: Double)? in
            let share = claimed * Double(count) / memory
            let steps = (share * 20).rounded()
            guard (10...20).contains(steps), isNear(share * 20, steps, within: 1e-3) else {
                return nil
            }
            return (count, steps / 20)
        }.first
        guard let match else { return [] }
        let divided = match.count > 1 ? " ÷ \(match.count) GPUs" : ""
        return [
            audit.problem(
                .bandwidthSource, audit.path(of: claim),
                "\(plain(claimed)) GB/s between GPUs is \(percent(match.share)) of a GPU's memory "
                    + "bandwidth\(divided): memory is not the wire between them",
                details: [
                    "\(plain(match.share)) × \(plain(memory)) GB/s\(divided) = \(plain(claimed)) "
                        + "GB/s"
                ],
                expected: "\(plain(nominal)) GB/s: \(measure.why)")
        ]
    }
}
