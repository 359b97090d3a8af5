import ApusBase
import ApusCost
import ApusPlan

extension CostModel {
    /// The time from the arrival of one request to its first token, with nothing queued before it.
    ///
    /// The request is one sequence of the step's length. It passes the stages one after the other,
    /// forward only, on the ranks of one batch replica; the others have nothing to do for it.
    func timeToFirstToken(of step: Step) -> Seconds {
        var request = step
        request.bucket.sequencesPerDataRank = 1
        request.bucket.microBatches = 1
        return predict(request).stages.reduce(.zero) { time, stage in
            time + stage.forward + stage.forwardCommunication
        }
    }
}
