import CApusEngine

/// An array of numbers in the engine, owned once and freed with its owner.
///
/// A second handle on the same numbers is spelled `alias()`, a copy of them `clone()`.
package struct Tensor: ~Copyable, @unchecked Sendable {
    // Unchecked: the handle is owned by one value, so only one thread has it at a time. Aliases
    // share numbers; whoever hands one to another thread orders their use.
    let engine: Engine
    let handle: OpaquePointer

    init(owning handle: OpaquePointer, engine: Engine) {
        self.engine = engine
        self.handle = handle
    }

    deinit { engine.table.pointee.tensor_destroy(handle) }

    package var shape: [Int] { description.shape }
    package var type: ElementType { description.type }
    package var elementCount: Int { shape.reduce(1, *) }

    private var description: (shape: [Int], type: ElementType) {
        var sizes = [Int64](repeating: 0, count: Int(APUS_DIMENSIONS_MAX))
        var dimensions: Int64 = 0
        var number: Int32 = 0
        let described: Void? = try? engine.call("describe") {
            engine.table.pointee.tensor_describe(handle, &sizes, &dimensions, &number, $0)
        }
        precondition(described != nil, "a tensor that the engine gave out can be described")
        let type = ElementType(rawValue: number)
        guard let type else { preconditionFailure("the engine knows no other element types") }
        return (sizes.prefix(Int(dimensions)).map(Int.init), type)
    }
}

extension Engine {
    /// A tensor whose numbers are undefined until they are written.
    package func empty(
        _ shape: [Int], _ type: ElementType = .float32
    ) throws(EngineError) -> Tensor {
        let sizes = shape.map(Int64.init)
        return try tensor("empty") {
            table.pointee.tensor_empty(
                sizes, Int64(sizes.count), type.rawValue, device.number, $0, $1)
        }
    }

    package func zeros(
        _ shape: [Int], _ type: ElementType = .float32
    ) throws(EngineError) -> Tensor {
        let sizes = shape.map(Int64.init)
        return try tensor("zeros") {
            table.pointee.tensor_zeros(
                sizes, Int64(sizes.count), type.rawValue, device.number, $0, $1)
        }
    }

    package func tensor(_ values: [Float], shape: [Int]) throws(EngineError) -> Tensor {
        try copyIn(values, shape: shape, type: .float32)
    }

    package func tensor(_ values: [Double], shape: [Int]) throws(EngineError) -> Tensor {
        try copyIn(values, shape: shape, type: .float64)
    }

    package func tensor(_ values: [Int64], shape: [Int]) throws(EngineError) -> Tensor {
        try copyIn(values, shape: shape, type: .int64)
    }

    private func copyIn<Element: BitwiseCopyable>(
        _ values: [Element], shape: [Int], type: ElementType
    ) throws(EngineError) -> Tensor {
        var count = 1
        for size in shape {
            let (product, overflows) = count.multipliedReportingOverflow(by: size)
            guard size >= 0, !overflows else {
                throw EngineError("tensor", "shape \(shape) is impossible")
            }
            count = product
        }
        guard count == values.count else {
            throw EngineError("tensor", "\(values.count) values do not fill the shape \(shape)")
        }
        let sizes = shape.map(Int64.init)
        return try tensor("tensor") { result, error in
            values.withUnsafeBytes { bytes in
                // An empty array may have no address; the engine then reads none of it.
                withUnsafePointer(to: sizes.count) { nowhere in
                    table.pointee.tensor_copy_in(
                        bytes.baseAddress ?? UnsafeRawPointer(nowhere), sizes, Int64(sizes.count),
                        type.rawValue, device.number, result, error)
                }
            }
        }
    }
}

extension Tensor {
    /// The numbers in row-major order, from whatever type and device.
    package borrowing func floats() throws(EngineError) -> [Float] {
        try copyOut(type: .float32, filler: 0)
    }

    package borrowing func doubles() throws(EngineError) -> [Double] {
        try copyOut(type: .float64, filler: 0)
    }

    package borrowing func integers() throws(EngineError) -> [Int64] {
        try copyOut(type: .int64, filler: 0)
    }

    private borrowing func copyOut<Element: BitwiseCopyable>(
        type: ElementType, filler: Element
    ) throws(EngineError) -> [Element] {
        var values = [Element](repeating: filler, count: elementCount)
        let count = Int64(values.count)
        let (engine, handle) = (engine, handle)
        guard count > 0 else { return values }
        try engine.call("read") { error in
            engine.table.pointee.tensor_copy_out(handle, type.rawValue, &values, count, error)
        }
        return values
    }
}
