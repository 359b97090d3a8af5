/// Runs `body` once for each index, each on a thread of its own, and waits for all of them.
///
/// - Throws: `SystemError` where a thread cannot be started; those that were go on, unseen.
package func onThreads(
    _ count: Int, _ body: @escaping @Sendable (Int) -> Void
) throws(SystemError) {
    let (reading, writing) = try Descriptor.pipe()
    for index in 0..<count {
        try startThread {
            body(index)
            // The pipe cannot be full, and its reader waits until the last thread has written.
            try? writing.write([0])
        }
    }
    var ended = 0
    while ended < count { ended += try reading.read(upTo: count - ended).count }
}
