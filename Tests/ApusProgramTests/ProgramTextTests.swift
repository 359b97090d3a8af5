import ApusBase
import ApusPlan
import Testing

@testable import ApusProgram

@Suite("The text form of programs")
struct ProgramTextTests {
    /// A text of this test reads as an equal program, or as problems; nothing else is allowed.
    private func isReadOrRefused(_ text: String) -> Bool {
        do throws(Problems) {
            let program = try Program(text: text, file: "damaged")
            // Whatever the text says, verification ends, and the text form holds all of it.
            _ = program.verify()
            _ = program.classes.map(\.memoryPeak.size)
            return try Program(text: program.description, file: "again") == program
        } catch {
            return error.diagnostics.map(\.code) == [.programSyntax]
        }
    }

    @Test(
        "damaged bytes give problems and never a trap", .timeLimit(.minutes(1)),
        arguments: 0..<4)
    func survivesDamage(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let original = Array(try Layout.tiny[Int(seed)].program().description.utf8)
        var refused = 0
        for round in 0..<60 {
            var bytes = original
            for _ in 0...Int.random(in: 0..<4, using: &generator) {
                let place = Int.random(in: bytes.indices, using: &generator)
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes[place] = UInt8.random(in: 48...57, using: &generator)
                case 2: bytes.remove(at: place)
                case 3: bytes.insert(contentsOf: Array("999999999".utf8), at: place)
                default: bytes.removeSubrange(place...)
                }
                if bytes.isEmpty { bytes = original }
            }
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(isReadOrRefused(text), "seed \(seed), round \(round)")
            if (try? Program(text: text, file: "damaged")) == nil { refused += 1 }
        }
        // Some damages only change a number within its limits.
        #expect(refused > 20)
    }

    @Test(
        "numbers out of their limits are refused where they stand",
        arguments: [
            ("FREE s0", "FREE s999999999"), ("FREE s0", "FREE s99999999999999999999999"),
            ("slot s0 tensor 8192B", "slot s0 tensor 1000000000000000000B"),
            ("slot s0 tensor 8192B", "slot s0 tensor 99999999999999999999B"),
            ("slot s0 tensor 8192B", "slot s0 tensor -1B"),
            ("micro_batches 2", "micro_batches 0"),
            ("micro_batches 2", "micro_batches 1048577"), ("sequences 2", "sequences 0"),
            ("length 16", "length 0"), ("length 16", "length 9223372036854775807"),
            ("tensor 1", "tensor 0"), ("tensor 1", "tensor 2"), ("pp1", "pp0"), ("pp1", "pp65537"),
            ("pp1", "pp2"), ("dp1", "dp65537"), ("carved1", "carved0"), ("carved1", "carved2"),
            ("ep1", "ep2"), ("layers 0..<2", "layers 0..<1025"), ("layers 0..<2", "layers 2..<0"),
            ("layers 0..<2", "layers -1..<2"), ("F0 embedding", "F9999999 embedding"),
            ("attention/0", "attention/9223372036854775807"), ("attention/0", "attention/-1"),
            ("attention/0", "attention/+1"), ("statistics", "gradients.b9999999"),
            ("statistics", "activation.0"), ("end\n", "end\n\nmore\n"), ("end\n", "end of it\n"),
            ("outermost", "outermost 3"), ("chunks1", "chunks0"), ("chunks1", "chunks2"),
            ("loop", "v"),
            ("loop", "ring"), ("fp32", "fp32 3"), ("program 2", "program 1"),
            ("on world", "on nothing"), ("class stage 0", "class stage 1"), ("ZERO", "ZERO s1"),
        ])
    func refusesNumbers(part: String, other: String) throws {
        let text = try Layout.tiny[0].program().description
        let place = try #require(text.firstRange(of: part))
        let damaged = text.replacingCharacters(in: place, with: other)
        let problems = try #require(throws: Problems.self) {
            try Program(text: damaged, file: "step.program")
        }
        let problem = try #require(problems.diagnostics.first)
        #expect(problems.diagnostics.count == 1)
        #expect(problem.code == .programSyntax)
        #expect(problem.location?.file == "step.program")
        #expect((problem.location?.line ?? 0) >= 1)
    }

    @Test("a text of many empty stages ends in a moment", .timeLimit(.minutes(1)))
    func readsManyStages() throws {
        let head = """
            program 2
            mesh pp65536 dp1 cp1 tp1 ep1 etp1 carved1 chunks1 loop outermost
            step length 1 sequences 1 micro_batches 1048576 tensor 1 recompute none precision fp32

            """
        let stages = (0..<65_536).map { "class stage \($0) layers 0..<0\nend\n" }.joined()
        let program = try Program(text: head + stages, file: "many")
        let codes = Set(program.verify().map(\.code))
        #expect(codes == [.stepOrder])
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<String.Index>, with text: String) -> String
    {
        var result = self
        result.replaceSubrange(range, with: text)
        return result
    }
}
