import ApusEngine
import ApusSystem

/// Measures what a rank computes for micro-batches, and stretches it where a test asks for that.
///
/// On processors it is the time of the rank's thread on a core, since ranks may share cores and
/// then take turns. On a GPU, which works while the thread does something else, it is the time on
/// the wall between an instruction's beginning and the moment it lets the thread go on.
struct ComputationWatch {
    /// How many times as long the rank takes as it would: it idles for the rest.
    var slowness = 1.0
    private(set) var seconds = 0.0
    private let countsProcessorTime: Bool
    private var start = 0.0
    /// Idling that is still due: sleeping is not exact.
    private var debt = 0.0

    /// Shorter pauses are gathered, since the kernel rounds them up.
    private static let pauseMin = 5e-4

    init(device: Device) { countsProcessorTime = device == .cpu }

    mutating func clear() { seconds = 0 }

    mutating func begin() { start = now }

    mutating func end() {
        let spent = now - start
        seconds += slowness * spent
        guard slowness > 1 else { return }
        debt += (slowness - 1) * spent
        guard debt > Self.pauseMin else { return }
        let before = monotonicSeconds()
        sleep(seconds: debt)
        debt -= monotonicSeconds() - before
    }

    private var now: Double { countsProcessorTime ? threadProcessorSeconds() : monotonicSeconds() }
}
