import ApusBase
import ApusEngine
import ApusPlan
import ApusProgram
import BasicContainers

/// Layers that other ranks hold from now on.
///
/// Ranks at the same place of their stages hold the same share of a layer, so each layer travels
/// from one stage to another straight between such pairs.
struct LayerMove {
    let old: Program
    let new: Program

    struct Entry: Hashable {
        var layer: Int
        var from: Stage
        var to: Stage
    }

    /// In the order of the layers, the same on all ranks.
    var entries: [Entry] {
        let before = old.stagesByLayer
        let after = new.stagesByLayer
        return before.indices.compactMap { layer in
            before[layer] == after[layer]
                ? nil : Entry(layer: layer, from: before[layer], to: after[layer])
        }
    }
}

extension Program {
    fileprivate var stagesByLayer: [Stage] {
        var held: [(first: Int, count: Int, stage: Stage)] = []
        for programClass in classes {
            held += programClass.chunks.map { ($0.lowerBound, $0.count, programClass.stage) }
        }
        return held.sorted { $0.first < $1.first }
            .flatMap { Array(repeating: $0.stage, count: $0.count) }
    }
}

extension Runtime {
    /// Goes on with another split of layers over the same ranks, between two steps.
    ///
    /// Weights and Adam's moments of layers that move travel to their new ranks; gradients are made
    /// anew, since each step starts with clearing them. All ranks call it after the same step.
    ///
    /// - Parameters:
    ///   - program: another program on the same mesh.
    ///   - meeting: where the ranks meet, under a prefix that they have not used.
    /// - Returns: the runtime to go on with; this one has nothing left to do.
    /// - Throws: what the engine says of weights that could not be sent, or of groups that could
    ///   not be joined.
    func moved(
        to program: Program, meeting: Communicators.Meeting
    ) throws(EngineError) -> Runtime {
        precondition(program.mesh == setting.program.mesh, "ranks keep their places")
        var setting = setting
        setting.program = program
        let store = try ParameterStore(
            continuing: parameters, parameters: setting.parameters,
            buckets: program.programClass(of: setting.rank).buckets)
        try exchange(LayerMove(old: self.setting.program, new: program), into: store)
        let next = try Runtime(setting, engine: engine, meeting: meeting, parameters: store)
        next.isStopRequested = isStopRequested
        next.computation = computation
        return next
    }

    /// Sends and receives what moves; all of it is under way before anybody waits.
    private func exchange(_ move: LayerMove, into store: ParameterStore) throws(EngineError) {
        let mesh = setting.program.mesh
        let own = mesh.position(of: setting.rank)
        let experts = mesh.experts(of: setting.rank, in: setting.model)
        var works = UniqueArray<Work>()
        var tag = 0
        for entry in move.entries {
            let weights = setting.model.storedParameters(
                layers: [entry.layer], isFirst: false, isLast: false, experts: experts)
            for weight in weights {
                // Every rank counts all tags, so that a pair agrees on each message's.
                defer { tag += 3 }
                if entry.from == own.stage {
                    let peer = mesh.rank(at: MeshPosition(stage: entry.to, local: own.local))
                    let state = try parameters.state(weight.name)
                    works.append(try send(state.value, to: peer, tag: tag))
                    works.append(try send(state.average, to: peer, tag: tag + 1))
                    works.append(try send(state.squareAverage, to: peer, tag: tag + 2))
                } else if entry.to == own.stage {
                    let peer = mesh.rank(at: MeshPosition(stage: entry.from, local: own.local))
                    let state = try store.state(weight.name)
                    works.append(try receive(state.value, from: peer, tag: tag))
                    works.append(try receive(state.average, from: peer, tag: tag + 1))
                    works.append(try receive(state.squareAverage, from: peer, tag: tag + 2))
                }
            }
        }
        while let work = works.popLast() { try work.wait() }
    }

    private func send(
        _ tensor: borrowing Tensor, to peer: Rank, tag: Int
    ) throws(EngineError) -> Work {
        let contiguous = try tensor.contiguous()
        return try communicators.with(.group(.world)) { group throws(EngineError) in
            try group.send(contiguous, to: peer.index, tag: tag)
        }
    }

    private func receive(
        _ tensor: borrowing Tensor, from peer: Rank, tag: Int
    ) throws(EngineError) -> Work {
        let place = try tensor.alias()
        return try communicators.with(.group(.world)) { group throws(EngineError) in
            try group.receive(into: place, from: peer.index, tag: tag)
        }
    }
}
