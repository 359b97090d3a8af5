import ApusBase
import Testing

@testable import ApusEngine

@Suite("Tensors", .enabled(if: EngineUnderTest.isAvailable))
struct TensorTests {
    let engine: Engine

    init() throws { engine = try EngineUnderTest.open() }

    @Test("numbers come back as they went in, from every type", arguments: ElementType.allCases)
    func roundTrips(type: ElementType) throws {
        let tensor = try engine.tensor([1, 2, 3, 100, 5, 6] as [Float], shape: [2, 3])
            .converted(to: type)
        #expect(tensor.type == type)
        #expect(tensor.shape == [2, 3])
        #expect(try tensor.floats() == [1, 2, 3, 100, 5, 6])
        #expect(try tensor.doubles() == [1, 2, 3, 100, 5, 6])
        #expect(try tensor.integers() == [1, 2, 3, 100, 5, 6])
    }

    @Test("tensors without elements and without dimensions exist")
    func holdsEmptyShapes() throws {
        let none = try engine.tensor([] as [Float], shape: [0, 4])
        #expect(none.shape == [0, 4] && none.elementCount == 0)
        #expect(try none.floats() == [])
        let scalar = try engine.tensor([7] as [Int64], shape: [])
        #expect(scalar.shape == [] && scalar.elementCount == 1)
        #expect(try scalar.integers() == [7])
    }

    @Test("views share numbers, clones do not")
    func sharesThroughViews() throws {
        let base = try engine.tensor((0..<12).map(Float.init), shape: [3, 4])
        let copy = try base.clone()
        try base.narrow(dimension: 0, start: 1, count: 1).fill(-1)
        try base.select(dimension: 1, index: 3).scale(by: 10)
        #expect(try base.floats() == [0, 1, 2, 30, -1, -1, -1, -10, 8, 9, 10, 110])
        #expect(try copy.floats() == (0..<12).map(Float.init))
        #expect(try copy.view([2, 6]).shape == [2, 6])
        let turned = try copy.transposed(0, 1)
        #expect(turned.shape == [4, 3])
        #expect(try turned.contiguous().floats() == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
    }

    @Test("changes in place reach leaves too")
    func changesInPlace() throws {
        let leaf = try engine.zeros([3]).detached(requiresGradient: true)
        try leaf.copy(from: try engine.tensor([1, 2, 3] as [Double], shape: [3]))
        try leaf.accumulate(try engine.tensor([1, 1, 1] as [Float], shape: [3]))
        #expect(try leaf.floats() == [2, 3, 4])
    }

    @Test("normal numbers depend on seed and count alone, not on the view or the type")
    func drawsNormals() throws {
        let plain = try engine.empty([6, 5])
        try plain.fillNormal(mean: 1, standardDeviation: 2, seed: 42)
        let wide = try engine.zeros([5, 12])
        let view = try wide.transposed(0, 1).narrow(dimension: 0, start: 3, count: 6)
        try view.fillNormal(mean: 1, standardDeviation: 2, seed: 42)
        #expect(try view.floats() == (try plain.floats()))
        let double = try engine.empty([30], .float64)
        try double.fillNormal(mean: 1, standardDeviation: 2, seed: 42)
        #expect(try double.floats() == (try plain.floats()))
        let other = try engine.empty([6, 5])
        try other.fillNormal(mean: 1, standardDeviation: 2, seed: 43)
        #expect(try other.floats() != (try plain.floats()))
    }

    @Test("normal numbers have their mean and deviation")
    func drawsWithMoments() throws {
        let tensor = try engine.empty([20_000])
        try tensor.fillNormal(mean: 3, standardDeviation: 0.5, seed: 7)
        let values = try tensor.doubles()
        let mean = values.reduce(0, +) / 20_000
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
        #expect(abs(mean - 3) < 0.02)
        #expect(abs(variance.squareRoot() - 0.5) < 0.02)
    }

    @Test("gradients are set on leaves and taken from them")
    func movesGradients() throws {
        let leaf = try engine.zeros([2]).detached(requiresGradient: true)
        #expect(try leaf.takeGradient() == nil)
        try leaf.setGradient(try engine.tensor([1, 2] as [Float], shape: [2]))
        let taken = try #require(try leaf.takeGradient()?.floats())
        #expect(taken == [1, 2])
        #expect(try leaf.takeGradient() == nil)
    }

    @Test("misuse is an error of one line that names operation and numbers")
    func describesMisuse() throws {
        let tensor = try engine.zeros([2, 3])
        let other = try engine.zeros([4])
        func message(_ body: () throws(EngineError) -> Void) throws -> String {
            try #require(throws: EngineError.self) { try body() }.description
        }
        #expect(
            try message { () throws(EngineError) in _ = try tensor.view([7]) }
                == "view: shape '[7]' is invalid for input of size 6")
        #expect(
            try message { () throws(EngineError) in try tensor.copy(from: other) }
                == "copy: copying [4] into [2, 3]")
        #expect(
            try message { () throws(EngineError) in try tensor.setGradient(other) }
                == "set gradient: only a leaf that requires a gradient has one")
        #expect(
            try message { () throws(EngineError) in
                _ = try engine.tensor([1, 2] as [Float], shape: [3])
            } == "tensor: 2 values do not fill the shape [3]")
        #expect(
            try message { () throws(EngineError) in
                _ = try engine.zeros([Int](repeating: 1, count: 9))
            } == "zeros: a tensor has at most 8 dimensions, not 9")
        #expect(
            try message { () throws(EngineError) in
                _ = try engine.empty([Int.max, Int.max])
            }.hasPrefix("empty: "))
    }
}
