import ApusBase
package import ApusPlan

/// Prices the parts of a model's layers, kernel by kernel, for one micro-batch on one rank.
///
/// This is the one place that knows which kernels a layer runs; the closed form of a step and the
/// price of an instruction both add up what it says.
package struct LayerPricer: Sendable {
    package let model: Model
    package var shape: MicroBatchShape
    package let layout: GroupLayout
    package let implementation: Implementation
    /// The type of matrix products.
    package let precision: Precision
    /// The share of assignments that the capacity leaves room for.
    package var keptShare: Double
    /// How many rows the fullest expert gets, over the mean.
    package var imbalance: Double
    let kernels: Kernels
    let network: Network
    let gpu: SustainedRates
    /// What was measured of the islands of this very model.
    var corrections: IslandCorrections?

    /// Bytes of one activation; FP8 products take their inputs from BF16.
    var element: Int { precision.elementBytes }
    /// The type of products that stay out of FP8: attention and the head.
    var widePrecision: Precision { precision.kept }

    /// Everything one layer does with a micro-batch.
    package func layer(isDense: Bool, recompute: Plan.Recompute) -> PartCost {
        let feedForward = isDense ? denseFeedForward() : experts()
        let cost = attention() + feedForward
        return cost.recomputed(recompute, selectively: selectiveRecomputation(isDense: isDense))
    }
}

// MARK: - Pieces that several parts have

extension LayerPricer {
    /// A product `[rows, inputs] × [inputs, outputs]`, with both gradients.
    ///
    /// The weight's gradient is added to a buffer of the gradients' type, which is read and written
    /// once for each micro-batch.
    func product(
        _ cost: inout PartCost, rows: Int, inputs: Int, outputs: Int, in type: Precision
    ) {
        guard rows > 0, inputs > 0, outputs > 0 else { return }
        cost.forward.work.add(productTime(rows, outputs, inputs, type), .product)
        cost.backwardInput.work.add(productTime(rows, inputs, outputs, type), .product)
        cost.backwardWeight.work.add(productTime(outputs, inputs, rows, type), .product)
        accumulate(&cost, weights: inputs * outputs)
        guard type == .fp8 else { return }
        quantise(&cost, rows: rows, inputs: inputs, outputs: outputs)
    }

    /// Reading and writing the gradient buffer beyond what the product itself writes.
    func accumulate(_ cost: inout PartCost, weights: Int) {
        // A measured product was measured with the sum.
        guard !kernels.hasMeasuredProducts(precision) else { return }
        // A product that adds to the buffer itself reads it; otherwise its result is written apart,
        // read again and added.
        let gradient = implementation.gradientPrecision.byteCount
        let bytes =
            weights * (2 * gradient + (implementation.accumulatesInProducts ? -element : element))
        // The product writes its result once; the rest overlaps with its computation in part.
        let time = elementwiseTime(bytes: Double(max(0, bytes)))
        cost.backwardWeight.work.extend(
            CostConstants.accumulationExposed * time.time, .elementwise)
    }

    func productTime(_ m: Int, _ n: Int, _ k: Int, _ type: Precision) -> KernelTime {
        kernels.product(m: m, n: n, k: k, precision: type).stretched(by: gpu.products(in: type))
    }

    func elementwiseTime(bytes: Double) -> KernelTime {
        kernels.elementwise(bytes: bytes).stretched(by: gpu.memory)
    }

    /// Casting a product's operands to FP8, once along each dimension that a gradient needs.
    ///
    /// The kernel before has the numbers at hand, so that only the two copies are written.
    func quantise(_ cost: inout PartCost, rows: Int, inputs: Int, outputs: Int) {
        elementwise(&cost.forward, numbers: rows * inputs, bytesPerNumber: 2, kernels: 0)
        elementwise(&cost.backwardInput, numbers: rows * outputs, bytesPerNumber: 2, kernels: 0)
    }

    /// A kernel over so many numbers that only moves memory, or as its kind was measured.
    func elementwise(
        _ pass: inout PassCost, numbers: Int, bytesPerNumber: Int, kernels count: Int = 1,
        as kind: (Calibration.KernelKind, Pass)? = nil
    ) {
        guard numbers > 0, bytesPerNumber > 0 else { return }
        let measured = kind.flatMap { kernels.measured($0.0, $0.1, numbers: numbers) }
        pass.work.add(
            measured ?? elementwiseTime(bytes: Double(numbers) * Double(bytesPerNumber)),
            .elementwise)
        pass.work.launches += count - 1
    }

    /// A norm: reads and writes each number; backward reads two and writes one.
    func norm(_ cost: inout PartCost, numbers: Int) {
        let passes = implementation.fusedElementwise ? 1 : 2
        elementwise(
            &cost.forward, numbers: numbers, bytesPerNumber: 2 * element * passes,
            as: (.norm, .forward))
        elementwise(
            &cost.backwardInput, numbers: numbers, bytesPerNumber: 3 * element * passes, kernels: 2,
            as: (.norm, .backward))
    }

    /// The residual sum, with bias and dropout where the model has them.
    func residual(_ cost: inout PartCost, numbers: Int) {
        let bytes = 3 * element + (implementation.dropsOut ? 1 : 0)
        elementwise(
            &cost.forward, numbers: numbers, bytesPerNumber: bytes, as: (.residual, .forward))
        elementwise(
            &cost.backwardInput, numbers: numbers, bytesPerNumber: bytes,
            as: (.residual, .backward))
    }

    /// What an island takes beside its kernels, where that was measured apart from whole islands.
    func islandTime(_ pass: Pass) -> Seconds {
        guard corrections == nil else { return .zero }
        return kernels.measured(.island, pass, numbers: 1)?.time ?? .zero
    }

    // MARK: - What a step does with weights

    /// Setting the gradients of so many weights to zero, each of so many bytes.
    func clearingTime(weights: Int, bytesPerWeight: Int) -> Seconds {
        kernels.clearing(weights: weights)
            ?? elementwiseTime(bytes: Double(weights * bytesPerWeight)).time
    }

    /// Adding up the squares of gradients, where that is not part of the update's traffic.
    func normTime(weights: Int) -> Seconds {
        kernels.gradientNorm(weights: weights) ?? .zero
    }

    /// The optimizer's update, which reads and writes so many bytes for each weight.
    func updateTime(weights: Int, bytesPerWeight: Int) -> Seconds {
        kernels.update(weights: weights)
            ?? elementwiseTime(bytes: Double(weights * bytesPerWeight)).time
    }

    /// The collectives around a pair of column- and row-parallel products.
    ///
    /// Forward gathers before the first and scatters after the second (or sums after the second).
    /// In backward the second product's gather stands alone; the first one's collectives run while
    /// its gradients compute. Source: Korthikanti et al. 2022, §4.2.2; Megatron-LM's linear layers.
    func tensorCollectives(_ cost: inout PartCost, inputWidth: Int? = nil) {
        guard shape.tensor > 1 else { return }
        let payload = Double(shape.tokens * model.hiddenSize * element)
        let span = layout.tensor
        if shape.isSequenceParallel {
            // What is gathered before the first product, such as latents, may be narrower than the
            // stream.
            let input = Double(shape.tokens * (inputWidth ?? model.hiddenSize) * element)
            let gather = network.time(.allGather, payload: input, span: span)
            let scatter = network.time(.reduceScatter, payload: payload, span: span)
            addTensor(&cost.forward, gather + scatter, hidden: false)
            addTensor(
                &cost.backwardInput, network.time(.allGather, payload: payload, span: span),
                hidden: false)
            // The first product's inputs are gathered again for its weight's gradient where the
            // framework keeps a share of them only.
            let again = implementation.overlapsTensorGradients ? gather : .zero
            let back = network.time(.reduceScatter, payload: input, span: span)
            addTensor(&cost.backwardInput, again + back, hidden: true)
        } else {
            let sum = network.time(.allReduce, payload: payload, span: span)
            addTensor(&cost.forward, sum, hidden: false)
            addTensor(&cost.backwardInput, sum, hidden: true)
        }
    }

    func addTensor(_ pass: inout PassCost, _ time: Seconds, hidden: Bool) {
        let isHidden = hidden && implementation.overlapsTensorGradients
        pass.addTensor(
            time, exposed: isHidden ? CostConstants.asynchronousTensorExposed : 1,
            overlapped: CostConstants.tensorOverlapExposed)
    }
}
