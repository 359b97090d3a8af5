import Synchronization

/// Whether somebody asked this process to stop, for a loop that looks after each step.
///
/// It is a class because the loop and the thread that waits for signals share it.
package final class StopRequest: Sendable {
    private let number = Atomic<Int32>(0)

    package init() {}

    /// A request that a signal makes; those signals no longer end the process.
    ///
    /// As with ``SignalWatch``, they must be blocked before the first thread starts.
    package static func on(
        _ signals: [Signal] = [.interrupt, .terminate, .hangUp]
    ) throws(SystemError) -> StopRequest {
        let request = StopRequest()
        try SignalWatch.start(signals) { request.make($0) }
        return request
    }

    /// Asks to stop; the first signal is kept.
    package func make(_ signal: Signal) {
        _ = number.compareExchange(
            expected: 0, desired: signal.rawValue, ordering: .relaxed)
    }

    /// The signal that asked, if one did.
    package var signal: Signal? { Signal(rawValue: number.load(ordering: .relaxed)) }
}
