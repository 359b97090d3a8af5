import ApusBase
import ApusCost
import ApusPlan

extension CostModel {
    func timeToFirstToken(of step: Step) -> Seconds { predict(step).stepTime }
}
