package import ApusBase
package import ApusPlan

/// What a kernel computes, for telling where the time goes.
package enum KernelKind: Int, Hashable, Sendable, CaseIterable {
    case product
    /// Products of several experts in one kernel.
    case expertProduct
    case attention
    /// Norms, activations, permutations, sums: what only moves memory.
    case elementwise
}

/// Kernels that run one after the other on one GPU.
package struct Work: Hashable, Sendable {
    /// Seconds by `KernelKind`.
    private var seconds = SIMD4<Double>.zero
    /// The part of `time` that rests on measured or interpolated shapes, not on a roofline.
    package private(set) var timeFromMeasurements = Seconds.zero
    /// Kernels that the host has to launch.
    package var launches = 0

    package init() {}

    package static let zero = Work()

    /// How long the GPU computes.
    package var time: Seconds { Seconds(seconds.sum()) }

    package subscript(_ kind: KernelKind) -> Seconds { Seconds(seconds[kind.rawValue]) }

    package static func + (left: Work, right: Work) -> Work {
        var sum = left
        sum.seconds += right.seconds
        sum.timeFromMeasurements += right.timeFromMeasurements
        sum.launches += right.launches
        return sum
    }

    package static func += (left: inout Work, right: Work) { left = left + right }

    static func * (factor: Double, work: Work) -> Work {
        var product = work
        product.seconds *= factor
        product.timeFromMeasurements = factor * work.timeFromMeasurements
        product.launches = Int((factor * Double(work.launches)).rounded())
        return product
    }

    mutating func add(_ kernel: KernelTime, _ kind: KernelKind) {
        seconds[kind.rawValue] += kernel.time.count
        if kernel.provenance > .roofline { timeFromMeasurements += kernel.time }
        launches += 1
    }

    /// Sets the measured time of the whole in the place of the sum; the host's part is in it.
    mutating func correct(by correction: IslandCorrection?) {
        guard let correction else { return }
        seconds *= correction.factor
        seconds[KernelKind.elementwise.rawValue] += correction.constant
        timeFromMeasurements = time
        launches = 0
    }

    /// Time beside kernels that are counted already.
    mutating func extend(_ time: Seconds, _ kind: KernelKind) {
        seconds[kind.rawValue] += time.count
    }
}

/// One direction of a part of a layer, or several: what is computed, what is sent, what is exposed.
package struct PassCost: Hashable, Sendable {
    package var work = Work.zero
    /// Tensor-parallel collectives; `exposed` says how much of them no product hides.
    package var tensor = Seconds.zero
    package var tensorExposed = Seconds.zero
    /// What no product hides where collectives are cut into pieces between pieces of the products.
    package var tensorOverlapped = Seconds.zero
    package var context = Seconds.zero
    package var contextExposed = Seconds.zero
    /// Dispatch and combine, before any overlap with other computation.
    package var expert = Seconds.zero

    package init() {}

    package static func + (left: PassCost, right: PassCost) -> PassCost {
        var sum = left
        sum.work += right.work
        sum.tensor += right.tensor
        sum.tensorExposed += right.tensorExposed
        sum.tensorOverlapped += right.tensorOverlapped
        sum.context += right.context
        sum.contextExposed += right.contextExposed
        sum.expert += right.expert
        return sum
    }

    package static func += (left: inout PassCost, right: PassCost) { left = left + right }

    package var communication: Seconds { tensor + context + expert }

    /// Adds a tensor-parallel collective, and the shares of it that no product hides.
    mutating func addTensor(_ time: Seconds, exposed: Double = 1, overlapped: Double? = nil) {
        tensor += time
        tensorExposed += exposed * time
        tensorOverlapped += (overlapped ?? exposed) * time
    }
}

/// What one part of the model costs for one micro-batch on one rank.
package struct PartCost: Hashable, Sendable {
    package var forward = PassCost()
    /// The gradient of the inputs.
    package var backwardInput = PassCost()
    /// The gradient of the weights.
    package var backwardWeight = PassCost()
    /// What backward runs again where activations are recomputed.
    package var recomputation = PassCost()

    package init() {}

    package static func + (left: PartCost, right: PartCost) -> PartCost {
        var sum = left
        sum.forward += right.forward
        sum.backwardInput += right.backwardInput
        sum.backwardWeight += right.backwardWeight
        sum.recomputation += right.recomputation
        return sum
    }

    package static func += (left: inout PartCost, right: PartCost) { left = left + right }

    /// The same part of a layer whose backward runs forward again, wholly or only `selective`.
    package func recomputed(
        _ recompute: Plan.Recompute, selectively selective: @autoclosure () -> PassCost
    ) -> PartCost {
        var result = self
        switch recompute {
        case .none: break
        case .full: result.recomputation += forward
        case .selective: result.recomputation += selective()
        }
        return result
    }

    /// All of backward, recomputation included.
    package var backward: PassCost { backwardInput + backwardWeight + recomputation }
}

extension PartCost {
    static func * (count: Int, cost: PartCost) -> PartCost {
        let factor = Double(count)
        var result = PartCost()
        result.forward = factor * cost.forward
        result.backwardInput = factor * cost.backwardInput
        result.backwardWeight = factor * cost.backwardWeight
        result.recomputation = factor * cost.recomputation
        return result
    }
}

extension PassCost {
    static func * (factor: Double, pass: PassCost) -> PassCost {
        var result = PassCost()
        result.work = factor * pass.work
        result.tensor = factor * pass.tensor
        result.tensorExposed = factor * pass.tensorExposed
        result.tensorOverlapped = factor * pass.tensorOverlapped
        result.context = factor * pass.context
        result.contextExposed = factor * pass.contextExposed
        result.expert = factor * pass.expert
        return result
    }
}
