import ApusBase
import Foundation
import Testing

@testable import ApusEngine

/// The engine of this checkout, or the one that `APUS_ENGINE` names.
enum EngineUnderTest {
    static let path = Engine.locate(environment: ProcessInfo.processInfo.environment)
    static var isAvailable: Bool { path != nil }
    /// The repository that these tests were built from.
    static let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    static func open() throws -> Engine {
        // PyTorch 2.11 keeps a flight recorder that several ranks of one process race on.
        setenv("TORCH_FR_BUFFER_SIZE", "0", 0)
        return try Engine.open(at: try #require(path))
    }
}

/// Numbers that go into an operation under test.
struct Numbers {
    var values: [Double]
    var shape: [Int]

    init(_ values: [Double], _ shape: [Int]) {
        self.values = values
        self.shape = shape
    }

    /// Numbers between -1 and 1 that depend on the seed alone.
    init(seed: UInt64, _ shape: [Int]) {
        var generator = SeededGenerator(seed: seed)
        let count = shape.reduce(1, *)
        self.init((0..<count).map { _ in generator.nextUnit() * 2 - 1 }, shape)
    }
}

/// What an operation gave, and the gradients of its inputs under a fixed upstream gradient.
struct Evaluation {
    var output: [Double]
    var shape: [Int]
    var gradients: [[Double]]
}

typealias Operation = (borrowing TensorList) throws(EngineError) -> Tensor

extension Engine {
    func leaves(_ inputs: [Numbers], _ type: ElementType) throws(EngineError) -> TensorList {
        var list = try TensorList(self)
        for input in inputs {
            let values = try tensor(input.values, shape: input.shape)
            try list.append(try values.converted(to: type).detached(requiresGradient: true))
        }
        return list
    }

    /// Runs an operation forward and backward through a graph.
    func evaluate(
        _ inputs: [Numbers], _ type: ElementType, _ operation: Operation
    ) throws(EngineError) -> Evaluation {
        let leaves = try leaves(inputs, type)
        let output = try recordingGradients(true) { () throws(EngineError) in
            try operation(leaves)
        }
        let upstream = Numbers(seed: 99, output.shape)
        let graph = try Graph(self, outputs: try list(output), inputs: leaves)
        let slope = try tensor(upstream.values, shape: upstream.shape).converted(to: output.type)
        let gradients = try graph.backward(outputGradients: try list(slope))
        var values: [[Double]] = []
        for index in 0..<gradients.count { values.append(try gradients[index].doubles()) }
        return Evaluation(output: try output.doubles(), shape: output.shape, gradients: values)
    }

    func list(_ tensor: borrowing Tensor) throws(EngineError) -> TensorList {
        var list = try TensorList(self)
        try list.append(tensor)
        return list
    }

    /// The gradients of the same inputs by central differences in FP64.
    func differences(_ inputs: [Numbers], _ operation: Operation) throws(EngineError) -> [[Double]]
    {
        let step = 1e-6
        var gradients: [[Double]] = []
        for index in inputs.indices {
            var gradient: [Double] = []
            for element in inputs[index].values.indices {
                var moved = inputs
                moved[index].values[element] += step
                let above = try weighted(moved, operation)
                moved[index].values[element] -= 2 * step
                gradient.append((above - (try weighted(moved, operation))) / (2 * step))
            }
            gradients.append(gradient)
        }
        return gradients
    }

    /// The output's product with the fixed upstream gradient.
    private func weighted(_ inputs: [Numbers], _ operation: Operation) throws(EngineError) -> Double
    {
        let leaves = try leaves(inputs, .float64)
        let output = try recordingGradients(false) { () throws(EngineError) in
            try operation(leaves)
        }
        let upstream = Numbers(seed: 99, output.shape)
        return zip(try output.doubles(), upstream.values).reduce(0) { $0 + $1.0 * $1.1 }
    }
}

/// The relative L2 distance, absolute where the expected numbers are all zero.
func distance(_ actual: [Double], _ expected: [Double]) -> Double {
    guard actual.count == expected.count else { return .infinity }
    let difference = zip(actual, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let size = expected.reduce(0) { $0 + $1 * $1 }
    return (size > 0 ? difference / size : difference).squareRoot()
}
