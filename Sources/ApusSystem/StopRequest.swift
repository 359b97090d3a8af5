import Synchronization

/// Whether somebody asked this process to stop, for a loop that looks after each step.
///
/// A signal ends the process at once, unless a loop is there to see it: from ``beginLoop()`` on the
/// first signal is kept for it, and the next one ends the process at once, since a loop that waits
/// for a dead peer does not look. It is a class because the loop and the thread that waits for
/// signals share it.
package final class StopRequest: Sendable {
    private let number = Atomic<Int32>(0)
    private let hasLoop = Atomic<Bool>(false)
    private let end: @Sendable (Signal) -> Void

    /// A request that nobody has made; `end` is what ends the process at once.
    package init(
        end: @escaping @Sendable (Signal) -> Void = { endProcess(status: 128 + $0.rawValue) }
    ) {
        self.end = end
    }

    /// A request that a signal makes.
    ///
    /// As with ``SignalWatch``, they must be blocked before the first thread starts.
    package static func on(
        _ signals: [Signal] = [.interrupt, .terminate, .hangUp]
    ) throws(SystemError) -> StopRequest {
        let request = StopRequest()
        try SignalWatch.start(signals) { request.make($0) }
        return request
    }

    /// Keeps the first signal from now on, since a loop looks for it after each step.
    package func beginLoop() { hasLoop.store(true, ordering: .sequentiallyConsistent) }

    /// Asks to stop: the first signal is kept where a loop sees it, any other ends the process.
    package func make(_ signal: Signal) {
        let isKept =
            hasLoop.load(ordering: .sequentiallyConsistent)
            && number.compareExchange(
                expected: 0, desired: signal.rawValue, ordering: .sequentiallyConsistent
            ).exchanged
        if !isKept { end(signal) }
    }

    /// The signal that asked, if one did.
    package var signal: Signal? { Signal(rawValue: number.load(ordering: .relaxed)) }
}
