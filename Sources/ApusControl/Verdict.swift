import ApusBase
import ApusSystem

/// What the supervisor knows of one rank.
struct RankRecord: Hashable, Sendable {
    /// How and when a rank ended.
    struct End: Hashable, Sendable {
        var exit: ProcessExit
        var time: Double
        var lastWords: String?
    }

    /// What a rank said of its own error.
    struct Failure: Hashable, Sendable {
        var text: String
        var isCommunication: Bool
        /// Whether the rank had been asked to stop before; then much goes wrong for no reason of
        /// its own.
        var isLate: Bool
    }

    /// Why a rank may be the culprit, from the strongest reason to the weakest.
    enum Blame: Int, Comparable {
        /// A signal that the supervisor did not send ended it.
        case killed
        /// It gave up because of something of its own.
        case failed
        /// It broke down after it was asked to stop.
        case brokeWhileStopping
        /// It could not reach a peer; as a rule the peer is to blame.
        case lostPeer

        static func < (left: Blame, right: Blame) -> Bool { left.rawValue < right.rawValue }
    }

    let member: Supervisor.Member
    var wasStopped = false
    var wasKilled = false
    private(set) var end: End?
    private(set) var failure: Failure?
    private(set) var progress: String?
    private(set) var heard: Double?

    init(member: Supervisor.Member) { self.member = member }

    mutating func note(_ report: RankReport, now: Double) {
        guard end == nil else { return }
        heard = now
        switch report {
        case .progress(let step, let phase): progress = "step \(step), \(phase)"
        case .failure(let text, let isCommunication):
            failure =
                failure
                ?? Failure(
                    text: text, isCommunication: isCommunication, isLate: wasStopped || wasKilled)
        }
    }

    mutating func noteEnd(_ exit: ProcessExit, lastWords: String?, now: Double) {
        guard end == nil else { return }
        // A shell or another launcher between us and the rank turns signal 9 into this status.
        let exit = exit == .exited(137) ? .signaled(Signal.kill.rawValue) : exit
        end = End(exit: exit, time: now, lastWords: lastWords)
        guard failure == nil, let lastWords, tellsOfLostPeer(lastWords) else { return }
        failure = Failure(text: lastWords, isCommunication: true, isLate: wasStopped || wasKilled)
    }

    /// Why this rank may be the culprit; nothing while it runs well and when it ended as it should.
    var blame: Blame? {
        let wasAsked = wasStopped || wasKilled
        var isExpected = false
        switch end?.exit {
        case nil, .exited(0): isExpected = true
        case .exited(130), .exited(143): isExpected = wasAsked
        case .signaled(Signal.kill.rawValue): isExpected = wasKilled
        case .signaled(Signal.terminate.rawValue): isExpected = wasStopped
        case .signaled, .exited: break
        }
        if case .signaled(let signal) = end?.exit, !isExpected, signal != abortSignal {
            let isForeign = signal == Signal.kill.rawValue || !wasAsked
            return isForeign ? .killed : .brokeWhileStopping
        }
        if let failure {
            if failure.isCommunication { return .lostPeer }
            return failure.isLate ? .brokeWhileStopping : .failed
        }
        if isExpected { return nil }
        return wasAsked ? .brokeWhileStopping : .failed
    }

    /// The rank as messages name it.
    var name: String {
        let place = member.place.isEmpty ? "" : "\(member.place); "
        return "rank \(member.rank) (\(place)host `\(member.host)`, pid \(member.pid))"
    }
}

/// SIGABRT: a process ends itself so, as the engine does on an exception that nobody catches.
private let abortSignal: Int32 = 6

/// Chooses the culprit among ranks that ended: the strongest reason first, then the earliest.
func verdict(on records: [RankRecord], now: Double) -> (Rank, Diagnostic)? {
    let blamed = records.filter { $0.blame != nil }
    if let silent = silentRank(among: records) {
        return (silent.member.rank, diagnostic(for: silent, among: records, now: now))
    }
    let culprit = blamed.min { left, right in
        guard let first = left.blame, let second = right.blame, first == second else {
            return (left.blame ?? .lostPeer) < (right.blame ?? .lostPeer)
        }
        return (left.end?.time ?? 0, left.member.rank) < (right.end?.time ?? 0, right.member.rank)
    }
    return culprit.map { ($0.member.rank, diagnostic(for: $0, among: records, now: now)) }
}

/// The only rank that did not complain when all others timed out waiting.
///
/// A stopped process or a cut network shows in no other way.
private func silentRank(among records: [RankRecord]) -> RankRecord? {
    let silent = records.filter { $0.blame == nil }
    let others = records.filter { $0.blame != nil }
    guard silent.count == 1, let rank = silent.first, rank.end?.exit != .exited(0),
        !others.isEmpty,
        others.allSatisfy({
            $0.blame == .lostPeer && ($0.failure?.text.lowercased().contains("timed out") ?? false)
        })
    else { return nil }
    return rank
}

/// The message that names a culprit.
private func diagnostic(
    for culprit: RankRecord, among records: [RankRecord], now: Double
) -> Diagnostic {
    var details: [String] = []
    if let progress = culprit.progress, let heard = culprit.heard {
        let age = fixed(max(0, (culprit.end?.time ?? now) - heard), decimals: 1)
        details.append("last heard of at \(progress), \(age) s before its end")
    } else {
        details.append("it ended before its first step")
    }
    if culprit.failure == nil, let words = culprit.end?.lastWords, !words.isEmpty {
        details.append("its last words: \(words)")
    }
    let dead = records.filter { $0.blame == .killed && $0.member != culprit.member }
    if !dead.isEmpty {
        let list = dead.map { "\($0.member.rank)" }.joined(separator: ", ")
        details.append("signals also killed \(dead.count == 1 ? "rank" : "ranks") \(list)")
    }
    let stopped = records.count - 1 - dead.count
    if stopped > 0 { details.append("\(counted(stopped, "other rank")) stopped because of it") }
    return Diagnostic(
        .rankFailed, problem: problem(of: culprit), details: details, hint: hint(for: culprit))
}

private func problem(of culprit: RankRecord) -> String {
    switch (culprit.blame, culprit.end?.exit) {
    case (.lostPeer, _): "\(culprit.name) lost a peer: \(culprit.failure?.text ?? "")"
    case (nil, _): "\(culprit.name) did not answer while all others waited for it"
    case (.killed, .some(let exit)): "\(culprit.name) \(ending(exit))"
    case (_, let exit):
        if let failure = culprit.failure {
            "\(culprit.name) failed: \(failure.text)"
        } else {
            "\(culprit.name) \(exit.map(ending) ?? "did not end")"
        }
    }
}

/// What a process did or what was done to it, as it follows its name.
private func ending(_ exit: ProcessExit) -> String {
    switch exit {
    case .exited: "\(exit)"
    case .signaled: "was \(exit)"
    }
}

private func hint(for culprit: RankRecord) -> String? {
    switch (culprit.blame, culprit.end?.exit) {
    case (nil, _): "it was stopped, cut off or far slower than the others"
    case (.lostPeer, _): "no rank died: look for a rank of another host, or at the network"
    case (.killed, .signaled(Signal.kill.rawValue)):
        "Apus did not send it: it was the kernel's out-of-memory killer or `kill -9`"
    case (_, .exited(86)), (_, .signaled(abortSignal)):
        "the engine ended itself: a collective mismatch between ranks, or `std::terminate`"
    default: nil
    }
}

/// A count with its noun, such as `1 rank` and `2 ranks`.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
