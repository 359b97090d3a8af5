import ApusSystem
import Synchronization
import Testing

@Suite("requests to stop") struct StopRequestTests {
    /// The signals that would have ended the process.
    final class Ends: Sendable {
        private let signals = Mutex<[Signal]>([])

        var all: [Signal] { signals.withLock { $0 } }

        func append(_ signal: Signal) { signals.withLock { $0.append(signal) } }
    }

    @Test("before the loop every signal ends the process, and none is kept")
    func endsBeforeLoop() {
        let ends = Ends()
        let request = StopRequest { ends.append($0) }
        request.make(.interrupt)
        #expect(request.signal == nil)
        #expect(ends.all == [.interrupt])
    }

    @Test("the loop sees the first signal, and each one after it ends the process")
    func keepsFirstInLoop() {
        let ends = Ends()
        let request = StopRequest { ends.append($0) }
        request.beginLoop()
        #expect(request.signal == nil)
        request.make(.terminate)
        #expect(request.signal == .terminate)
        #expect(ends.all.isEmpty)
        request.make(.interrupt)
        request.make(.terminate)
        #expect(request.signal == .terminate)
        #expect(ends.all == [.interrupt, .terminate])
    }
}
