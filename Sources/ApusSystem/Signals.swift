import Glibc

/// The signals that a program of Apus takes note of, instead of dying by them.
package enum Signal: Int32, Hashable, Sendable, CaseIterable {
    case hangUp = 1
    case interrupt = 2
    case kill = 9
    case terminate = 15
    case childEnded = 17

    package var name: String { signalName(rawValue) }
}

/// Keeps signals from ending the process and tells about them through a descriptor.
///
/// `block` comes first in `main`, before any thread starts, since threads inherit what is blocked.
/// `start` then makes one thread that sleeps until a signal comes and writes its number, one byte,
/// into a pipe, so that a loop can wait for signals and for other descriptors at once.
package struct SignalWatch: Sendable {
    /// One byte per signal that came.
    package let descriptor: Descriptor

    /// Signals whose numbers somebody else writes into a pipe.
    package init(descriptor: Descriptor) { self.descriptor = descriptor }

    /// The signals that a supervisor waits for.
    package static let supervised: [Signal] = [.interrupt, .terminate, .hangUp, .childEnded]

    /// Keeps signals from acting on this thread and on those that it starts from now on.
    package static func block(_ signals: [Signal]) {
        var set = signalSet(signals)
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Starts to watch signals, which this thread must have blocked.
    package static func start(_ signals: [Signal]) throws(SystemError) -> SignalWatch {
        let (reading, writing) = try Descriptor.pipe()
        try start(signals) { signal in
            // The thread outlives the watch: with the reading end closed, a signal that comes when
            // the process is about to exit would end it by SIGPIPE.
            withExtendedLifetime(reading) { try? writing.write([UInt8(signal.rawValue)]) }
        }
        return SignalWatch(descriptor: reading)
    }

    /// Calls `body` on a thread of its own for each signal that comes, for as long as the process
    /// lives.
    package static func start(
        _ signals: [Signal], _ body: @escaping @Sendable (Signal) -> Void
    ) throws(SystemError) {
        block(signals)
        try startThread {
            var set = signalSet(signals)
            while true {
                var number: Int32 = 0
                if sigwait(&set, &number) == 0, let signal = Signal(rawValue: number) {
                    body(signal)
                }
            }
        }
    }

    /// The signals that wait in the pipe, which a wait found to be readable.
    package func take() throws(SystemError) -> [Signal] {
        try descriptor.read().compactMap { Signal(rawValue: Int32($0)) }
    }
}

private func signalSet(_ signals: [Signal]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal.rawValue) }
    return set
}

/// Ends a process when the one that started it is gone, however that one died.
///
/// The supervisor alone holds the writing end of a pipe and never writes; each rank waits on the
/// reading end. The system closes the writing end when the supervisor ends, even by `kill -9`.
package enum ParentWatch {
    /// Waits on a thread of its own for the end of the pipe, then calls `body`, which by default
    /// ends the process at once.
    package static func start(
        reading pipe: Descriptor, orElse body: @escaping @Sendable () -> Void = { _exit(1) }
    ) throws(SystemError) {
        try startThread {
            while let bytes = try? pipe.read(upTo: 64), !bytes.isEmpty {}
            body()
        }
    }
}

/// Runs `body` on a new thread that nobody waits for.
func startThread(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let status = pthread_create(
        &thread, nil,
        { context in
            if let context { Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
            return nil
        }, box.toOpaque())
    guard status == 0 else {
        box.release()
        throw SystemError("start", "a thread", code: status)
    }
    pthread_detach(thread)
}
