import ApusBase
import ApusSystem

/// Says how far a search is once it has taken a second: on a terminal in one line that is written
/// over, in a log a line now and then.
final class SearchProgress {
    // A class, because the search calls back while this counts.
    private let isQuiet: Bool
    private let isTerminal = Terminal.isTerminal(2)
    private let start = monotonicSeconds()
    private var shown = 0.0
    private var hasLine = false

    init(isQuiet: Bool) { self.isQuiet = isQuiet }

    func show(_ share: Double) {
        guard !isQuiet else { return }
        let elapsed = monotonicSeconds() - start
        let interval = isTerminal ? 0.5 : 10
        guard elapsed >= max(1, shown + interval) else { return }
        shown = elapsed
        let left = share > 0 ? ", about \(duration(elapsed * (1 / share - 1))) left" : ""
        let text = "searching: \(Int(100 * share)) % after \(duration(elapsed))\(left)"
        // The cursor stands below the line that is written over.
        printMessage(isTerminal && hasLine ? "\u{1B}[A\u{1B}[K" + text : text)
        hasLine = true
    }

    /// Takes the line of a terminal away.
    func end() {
        if isTerminal, hasLine { printMessage("\u{1B}[A\u{1B}[K\u{1B}[A") }
    }
}
