import CApusEngine

/// Ordered ranks that share collectives: NCCL between GPUs; between CPUs memory on one host, and
/// Gloo over the network (`docs/transport.md`).
///
/// All ranks of a group start the same collectives in the same order. A group runs them first in,
/// first out.
package struct ProcessGroup: ~Copyable, @unchecked Sendable {
    // Unchecked: as for `Tensor`, one value owns the handle.
    private let engine: Engine
    private let handle: OpaquePointer

    /// Joins the group named `prefix` as `rank`, once all its ranks have come.
    ///
    /// `host` is the name or address of this rank's network interface, as the others see it.
    package init(
        _ engine: Engine, _ store: Store, prefix: String, rank: Int, size: Int,
        timeoutSeconds: Double, interface host: String = "127.0.0.1"
    ) throws(EngineError) {
        self.engine = engine
        handle = try engine.handle("join group `\(prefix)`") {
            engine.table.pointee.group_create(
                store.handle, prefix, Int64(rank), Int64(size), timeoutSeconds, host,
                engine.device.number, $0, $1)
        }
    }

    deinit { engine.table.pointee.group_destroy(handle) }

    /// Adds up `tensor` over the ranks, in place.
    package borrowing func allReduce(_ tensor: borrowing Tensor) throws(EngineError) -> Work {
        let (engine, handle, tensor) = (engine, handle, tensor.handle)
        return try engine.work("all-reduce") {
            engine.table.pointee.group_all_reduce(handle, tensor, $0, $1)
        }
    }

    /// Sends rows of `input` to each rank and receives rows of `output` from each, in rank order.
    ///
    /// The splits count rows of the first dimension. Rank a's input split for b must be b's output
    /// split for a: that is for the caller to know. Where it is not so, shared memory says so and
    /// Gloo corrupts silently.
    package borrowing func allToAll(
        output: borrowing Tensor, input: borrowing Tensor, outputSplits: [Int], inputSplits: [Int]
    ) throws(EngineError) -> Work {
        guard outputSplits.count == inputSplits.count else {
            throw EngineError(
                "all-to-all",
                "\(outputSplits.count) output splits and \(inputSplits.count) input splits")
        }
        let (engine, handle, output, input) = (engine, handle, output.handle, input.handle)
        let (incoming, outgoing) = (outputSplits.map(Int64.init), inputSplits.map(Int64.init))
        return try engine.work("all-to-all") {
            engine.table.pointee.group_all_to_all(
                handle, output, input, incoming, outgoing, Int64(incoming.count), $0, $1)
        }
    }

    package borrowing func send(
        _ tensor: borrowing Tensor, to peer: Int, tag: Int
    ) throws(EngineError) -> Work {
        let (engine, handle, tensor) = (engine, handle, tensor.handle)
        return try engine.work("send") {
            engine.table.pointee.group_send(handle, tensor, Int64(peer), Int64(tag), $0, $1)
        }
    }

    package borrowing func receive(
        into tensor: borrowing Tensor, from peer: Int, tag: Int
    ) throws(EngineError) -> Work {
        let (engine, handle, tensor) = (engine, handle, tensor.handle)
        return try engine.work("receive") {
            engine.table.pointee.group_receive(handle, tensor, Int64(peer), Int64(tag), $0, $1)
        }
    }

    /// Overwrites `tensor` on every rank with that of `root`.
    package borrowing func broadcast(
        _ tensor: borrowing Tensor, root: Int
    ) throws(EngineError) -> Work {
        let (engine, handle, tensor) = (engine, handle, tensor.handle)
        return try engine.work("broadcast") {
            engine.table.pointee.group_broadcast(handle, tensor, Int64(root), $0, $1)
        }
    }

    /// Waits until every rank of the group is here.
    package borrowing func barrier() throws(EngineError) {
        let (engine, handle) = (engine, handle)
        let work = try engine.work("barrier") {
            engine.table.pointee.group_barrier(handle, $0, $1)
        }
        try work.wait()
    }
}

/// A communication under way; the engine keeps its tensors alive.
package struct Work: ~Copyable, @unchecked Sendable {
    // Unchecked: as for `Tensor`, one value owns the handle.
    private let operation: String
    private let engine: Engine
    private let handle: OpaquePointer

    fileprivate init(_ operation: String, owning handle: OpaquePointer, engine: Engine) {
        self.operation = operation
        self.engine = engine
        self.handle = handle
    }

    deinit { engine.table.pointee.work_destroy(handle) }

    /// Waits for the end, at most the group's timeout.
    package consuming func wait() throws(EngineError) {
        let (engine, handle) = (engine, handle)
        try engine.call(operation) { engine.table.pointee.work_wait(handle, $0) }
    }
}

extension Engine {
    fileprivate func work(
        _ operation: String,
        _ body: (UnsafeMutablePointer<OpaquePointer?>, Failure) -> apus_status
    ) throws(EngineError) -> Work {
        Work(operation, owning: try handle(operation, body), engine: self)
    }
}
