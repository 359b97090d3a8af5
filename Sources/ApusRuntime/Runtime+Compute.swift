import ApusBase
import ApusEngine
import ApusPlan
import ApusProgram
import ApusRouting

/// The compute instructions.
extension Runtime {
    /// Performs one instruction.
    ///
    /// The switch is exhaustive: a new instruction does not compile until the runtime performs it.
    func perform(
        _ instruction: Instruction, step: Int, batch: (Int) -> TokenBatch
    ) throws(InstructionFailure) {
        do {
            switch instruction {
            case .zeroGradients: try parameters.clearGradients()
            case .forward(let run): try forward(run, batch)
            case .backward(let run): try backward(run)
            case .weightBackward(let run): try slots.takeState(run.factors).backwardWeights()
            case .start(let transfer): try start(transfer)
            case .wait(let id): try wait(id)
            case .free(let slot): slots.free(slot)
            case .gradientNorm: try measureGradients()
            case .optimizerStep: try update(step)
            }
        } catch let error as EngineError {
            throw InstructionFailure(error)
        } catch let failure as InstructionFailure {
            throw failure
        } catch {
            throw InstructionFailure(check: "\(error)")
        }
    }

    private func forward(_ run: Forward, _ batch: (Int) -> TokenBatch) throws {
        let keepsState = run.state != nil
        var result: IslandRun
        switch run.island {
        case .embedding:
            let inputs = ownTokens(of: batch(run.microBatch).inputs)
            let tokens = try engine.tensor(inputs, shape: [inputs.count])
            result = try islands.embedding(tokens: tokens, keepsState: keepsState)
        case .attention(let layer), .router(let layer):
            result = try attention(layer, run, keepsState)
        case .norm(let layer):
            result = try islands.norm(
                layer: layer, hidden: try slots.tensor(run.inputs[0]), keepsState: keepsState)
        case .heads(let layer):
            result = try islands.heads(
                layer: layer, normed: try slots.tensor(run.inputs[0]), keepsState: keepsState)
        case .experts(let layer):
            result = try islands.experts(
                layer: layer, rows: try slots.tensor(run.inputs[0]), keepsState: keepsState,
                decision: decision(of: run))
        case .residual:
            result = try islands.residual(
                residual: try slots.tensor(run.inputs[0]),
                returned: try slots.tensor(run.inputs[1]),
                weights: try slots.tensor(run.inputs[2]), keepsState: keepsState,
                decision: decision(of: run))
        case .feedForward:
            throw InstructionFailure(check: "this island is planned, but not executed yet")
        case .head:
            let targets = ownTokens(of: batch(run.microBatch).targets)
            result = try islands.head(
                hidden: try slots.tensor(run.inputs[0]),
                targets: try engine.tensor(targets, shape: [targets.count]),
                scale: 1 / Double(tokensPerStep), keepsState: keepsState)
            statistics.loss += try result.outputs[0].doubles()[0]
        }
        for (index, slot) in run.outputs.enumerated() {
            slots.put(result.outputs[index], in: slot)
        }
        if let slot = run.state, let state = result.state.take() { slots.put(state, in: slot) }
    }

    /// Counts the router's decision where it is taken, so that recomputation counts nothing twice.
    private func attention(
        _ layer: Int, _ run: Forward, _ keepsState: Bool
    ) throws -> IslandRun {
        var replaying: RoutingDecision?
        if case .replay(let slot) = run.decision { replaying = slots.decision(slot) }
        var decision = replaying
        let result = try islands.attention(
            layer: layer, hidden: try slots.tensor(run.inputs[0]),
            mixed: run.inputs.count > 1 ? try slots.tensor(run.inputs[1]) : nil,
            keepsState: keepsState, experts: forcedExperts, decision: &decision)
        if case .take(let slot) = run.decision, let decision {
            statistics.addLoads(decision.countsByExpert, layer: layer)
            if expertSources > 1 { decision.shareArrivals(among: expertSources) }
            slots.put(decision, in: slot)
        }
        return result
    }

    /// The experts of the tokens of a micro-batch, where a pattern sets the router's choice aside.
    private var forcedExperts: [Int64]? {
        let (program, model) = (setting.program, setting.model)
        var result: [Int64] = []
        for token in 0..<program.shape.localTokens {
            let experts = setting.settings.routing.experts(
                ofToken: token, step: currentStep, experts: model.expertCount, topK: model.topK,
                ranks: program.mesh.degrees.expert)
            guard let experts else { return nil }
            result += experts.map(Int64.init)
        }
        return result
    }

    private func decision(of run: Forward) -> RoutingDecision {
        switch run.decision {
        case .take(let slot), .replay(let slot), .use(let slot): slots.decision(slot)
        case nil: preconditionFailure("the compiler gives this island a decision")
        }
    }

    private func backward(_ run: Backward) throws {
        var state = slots.takeState(run.state)
        var outputGradients = try TensorList(engine)
        if run.island == .head {
            try outputGradients.append(try engine.tensor([Float(1)], shape: []))
        }
        for slot in run.outputGradients { try outputGradients.append(try slots.tensor(slot)) }
        let inputGradients: TensorList
        if let factors = run.factors {
            inputGradients = try state.backwardInputs(outputGradients)
            slots.put(state, in: factors)
        } else {
            inputGradients = try state.backward(outputGradients)
        }
        for (index, slot) in run.inputGradients.enumerated() {
            slots.put(inputGradients[index], in: slot)
        }
    }

    /// Squares the gradients that this rank answers for: one rank for each weight.
    private func measureGradients() throws {
        let mesh = setting.program.mesh
        let norms = try parameters.squaredNorms { parameter in
            mesh.answers(setting.rank, for: parameter, in: setting.model)
        }
        for norm in norms { statistics.setSquaredNorm(norm.value, of: norm.name) }
        statistics.stopRequests = isStopRequested() ? 1 : 0
        statistics.setUse(
            rank: setting.rank, memoryPeak: Bytes(engine.memory().peak),
            communication: communicationSeconds, bubble: bubbleSeconds,
            computation: computation.seconds)
    }

    /// Checks the step's sums, clips by the global norm, and updates the weights.
    private func update(_ step: Int) throws {
        try checkConservation()
        let norm = statistics.gradientNorm
        guard norm.isFinite, statistics.loss.isFinite else {
            throw InstructionFailure(
                check: "loss \(statistics.loss), gradient norm \(norm): not finite, "
                    + "so the weights were left as they were")
        }
        let clip = setting.settings.gradientClip
        try parameters.update(
            optimizer, step: step + 1, learningRate: learningRate(step),
            gradientDivisor: clip > 0 && norm > clip ? norm / clip : 1)
    }

    /// Every assignment of every token was counted by exactly one router.
    private func checkConservation() throws(InstructionFailure) {
        let expected = Double(tokensPerStep * setting.model.topK)
        for layer in 0..<setting.model.layerCount {
            let counted = statistics.loads(layer: layer).reduce(0, +)
            guard counted == expected else {
                throw InstructionFailure(
                    check: "layer \(layer) routed \(Int(counted)) assignments, "
                        + "the step has \(Int(expected))")
            }
        }
    }
}
