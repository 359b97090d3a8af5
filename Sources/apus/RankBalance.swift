import ApusBase
import ApusEngine
import ApusPlan
import ApusPlanner
import ApusProgram
import ApusRuntime

/// A rank's part in moving layers between stages: rank 0 decides, the others hear of it.
///
/// All ranks see the same times, but hosts may round differently, and ranks that disagree about a
/// program would wait for each other for ever.
struct RankBalance {
    let job: TrainingJob
    let rank: Rank
    let meeting: Communicators.Meeting
    private var balance: RunningBalance
    private let interval: Int

    /// `nil` where no layers are to move.
    init?(_ job: TrainingJob, rank: Rank, meeting: Communicators.Meeting) {
        guard let balance = job.balance else { return nil }
        self.job = job
        self.rank = rank
        self.meeting = meeting
        self.balance = balance.running
        interval = balance.interval
    }

    /// The program to go on with after a step, where it is another one.
    mutating func next(
        after record: StepRecord, onMove: (RebalanceLog) -> Void
    ) throws(Problems) -> Program? {
        guard rank.index > 0 else {
            let proposal = try balance.next(
                after: record.step, stageSeconds: record.stageComputeSeconds)
            if record.step.isMultiple(of: interval) { try tell(proposal, after: record.step) }
            if let proposal { onMove(RebalanceLog(proposal, after: record.step)) }
            return proposal?.program
        }
        guard record.step.isMultiple(of: interval) else { return nil }
        let counts = try hear(after: record.step).split(separator: " ").compactMap { Int($0) }
        guard !counts.isEmpty else { return nil }
        return try compile(
            model: job.deployment.model, plan: job.plan.splitting(layers: counts),
            shape: job.program.shape)
    }

    private func tell(
        _ proposal: Rebalancer.Proposal?, after step: Int
    ) throws(Problems) {
        let counts = proposal?.after.map(String.init).joined(separator: " ")
        do throws(EngineError) {
            try meeting.store.set(key(step), counts ?? "-")
        } catch {
            throw Problems([error.diagnostic])
        }
    }

    private func hear(after step: Int) throws(Problems) -> String {
        do throws(EngineError) {
            return try meeting.store.get(key(step))
        } catch {
            throw Problems([error.diagnostic])
        }
    }

    private func key(_ step: Int) -> String { "\(meeting.prefix)/split-after-\(step)" }
}
