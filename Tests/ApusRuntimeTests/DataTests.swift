import ApusBase
import Foundation
import Testing

@testable import ApusRuntime

/// A folder with files that lives as long as the test that made it.
private final class TextFolder {
    let path = NSTemporaryDirectory() + "apus-data-" + UUID().uuidString

    init(_ files: [String: String]) throws {
        for (name, text) in files {
            let url = URL(fileURLWithPath: "\(path)/\(name)")
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite("data") struct DataTests {
    @Test("several files are one sequence with a token between each two", arguments: [256, 257])
    func joinsFiles(vocabulary: Int) throws {
        let folder = try TextFolder(["b": "efg", "a/x": "ab", "a/y": "", "c": "h"])
        let corpus = try Corpus(paths: [folder.path], vocabulary: vocabulary)
        let between: Int64 = vocabulary > 256 ? 256 : 0
        let all: [Int64] = [97, 98, between, 101, 102, 103, between, 104]
        #expect(corpus.tokenCount == 8)
        #expect(corpus.size == Bytes(6))
        #expect(corpus.paths == ["a/x", "b", "c"].map { "\(folder.path)/\($0)" })
        for start in 0...8 {
            for end in start...8 {
                let tokens = corpus.tokens(in: start..<end)
                #expect(tokens == Array(all[start..<end]))
            }
        }
    }

    @Test("bytes above 127 are tokens of their value")
    func keepsBytes() throws {
        let folder = try TextFolder(["a": "é"])
        let corpus = try Corpus(paths: ["\(folder.path)/a"], vocabulary: 32_000)
        let tokens = corpus.tokens(in: 0..<2)
        #expect(tokens == [0xC3, 0xA9])
    }

    @Test("the entropy of equally frequent bytes is the logarithm of their count")
    func measuresEntropy() throws {
        let folder = try TextFolder(["a": "abcdabcd", "b": "dcba"])
        let corpus = try Corpus(paths: [folder.path], vocabulary: 256)
        let entropy = corpus.entropy()
        #expect(abs(entropy.bitsPerByte - 2) < 1e-12)
        #expect(abs(entropy.natsPerByte - 2 * 0.693_147_180_559_945) < 1e-12)
        #expect(entropy.isExact)
        #expect(entropy.counted == Bytes(12))
        #expect(ByteEntropy(counts: [9]).bitsPerByte == 0)
    }

    @Test("a sample of a large corpus is close to the whole and says that it is one")
    func samplesEntropy() throws {
        var generator = SeededGenerator(seed: 5)
        let letters = Array("aaaaaabbbccd")
        let text = String(
            (0..<200_000).map { _ in letters.randomElement(using: &generator) ?? "a" })
        let folder = try TextFolder(["a": text, "b": text])
        let corpus = try Corpus(paths: [folder.path], vocabulary: 256)
        let whole = corpus.entropy()
        let sample = corpus.entropy(limit: Bytes(50_000))
        #expect(!sample.isExact)
        #expect(sample.counted <= Bytes(50_000))
        #expect(sample.counted > Bytes(40_000))
        #expect(abs(sample.bitsPerByte - whole.bitsPerByte) < 0.02)
    }

    @Test(
        "a permutation holds every number once", arguments: Array(1...70) + [255, 256, 257, 5_000])
    func permutes(count: Int) {
        let permutation = Permutation(count: count, seed: 3)
        #expect(Set((0..<count).map { permutation[$0] }) == Set(0..<count))
    }

    @Test("seeds give different orders, and neighbours are torn apart")
    func shuffles() {
        let first = Permutation(count: 10_000, seed: 1)
        let second = Permutation(count: 10_000, seed: 2)
        let equal = (0..<10_000).count { first[$0] == second[$0] }
        #expect(equal < 20)
        let adjacent = (1..<10_000).count { abs(first[$0] - first[$0 - 1]) == 1 }
        #expect(adjacent < 20)
        // The mean of numbers at the first thousand places; its standard error is about 87.
        let mean = (0..<1_000).map { first[$0] }.reduce(0, +) / 1_000
        #expect(abs(mean - 5_000) < 400)
    }

    @Test(
        "an epoch shows each window once, the next one in another order", arguments: [1, 2, 7, 100])
    func coversEpochs(windows: Int) throws {
        let sampler = try SequenceSampler(tokenCount: windows * 8 + 3, length: 8, seed: 4)
        #expect(sampler.windowCount == windows)
        var orders: [[Int]] = []
        for epoch in 0..<3 {
            let positions = (epoch * windows)..<((epoch + 1) * windows)
            let order = positions.map { sampler.windowIndex(at: $0) }
            #expect(order.sorted() == Array(0..<windows))
            #expect(positions.allSatisfy { sampler.epoch(at: $0) == epoch })
            orders.append(order)
        }
        if windows >= 7 { #expect(Set(orders).count == 3) }
    }

    @Test("a sequence depends on seed and position alone")
    func resumes() throws {
        let folder = try TextFolder(["a": String(repeating: "The quick brown fox. ", count: 50)])
        let corpus = try Corpus(paths: [folder.path], vocabulary: 257)
        let sampler = try SequenceSampler(tokenCount: corpus.tokenCount, length: 16, seed: 9)
        let again = try SequenceSampler(tokenCount: corpus.tokenCount, length: 16, seed: 9)
        let run = (0..<200).map { sampler.window(at: $0, of: corpus) }
        for position in stride(from: 199, through: 0, by: -3) {
            let window = again.window(at: position, of: corpus)
            #expect(window == run[position])
            #expect(window.count == 17)
        }
        let other = try SequenceSampler(tokenCount: corpus.tokenCount, length: 16, seed: 10)
        let differing = (0..<200).count { other.window(at: $0, of: corpus) != run[$0] }
        #expect(differing > 100)
    }

    @Test("windows lie side by side, share one token, and the last needs its target")
    func packsWindows() throws {
        for tokens in 9...40 {
            let sampler = try SequenceSampler(tokenCount: tokens, length: 8, seed: 0)
            let ranges = (0..<sampler.windowCount).map { sampler.tokenRange(at: $0) }
                .sorted { $0.lowerBound < $1.lowerBound }
            for (index, range) in ranges.enumerated() {
                #expect(range == index * 8..<(index * 8 + 9))
            }
            #expect(ranges[ranges.count - 1].upperBound <= tokens)
            #expect(tokens - ranges[ranges.count - 1].upperBound < 8)
        }
    }

    @Test("a text shorter than a sequence says how many bytes are needed")
    func refusesShortText() {
        let problems = #expect(throws: Problems.self) {
            try SequenceSampler(tokenCount: 40, length: 64, seed: 0)
        }
        #expect(
            problems?.diagnostics.map(\.description) == [
                """
                error: the training text has 40 bytes, one sequence of 64 tokens needs 65\
                  [data-size]
                  expected: at least 65 bytes of text
                  hint: name more text with `--data`, or shorten `run.sequence_length`
                """
            ])
    }

    @Test("each path that leads to no text is reported")
    func refusesMissingText() throws {
        let folder = try TextFolder(["a": "x"])
        let problems = #expect(throws: Problems.self) {
            _ = try Corpus(paths: ["/nowhere/a", folder.path, "/nowhere/b"], vocabulary: 256)
        }
        let expected = ["a", "b"].map {
            """
            error: cannot read training text: cannot open `/nowhere/\($0)`: \
            No such file or directory\
              [data-missing]
              expected: a text file, or a folder that holds some
              hint: names that start with a dot are left out of folders
            """
        }
        #expect(problems?.diagnostics.map(\.description) == expected)
    }

    @Test("no path at all is an error")
    func refusesNoText() {
        let problems = #expect(throws: Problems.self) {
            _ = try Corpus(paths: [], vocabulary: 256)
        }
        #expect(
            problems?.diagnostics.map(\.description) == [
                """
                error: no training text is named  [data-missing]
                  expected: `--data PATH` with a text file or a folder, once or more often
                """
            ])
    }

    @Test("a vocabulary without every byte is refused")
    func refusesSmallVocabulary() {
        let problems = #expect(throws: Problems.self) {
            _ = try Corpus(paths: [], vocabulary: 128)
        }
        #expect(
            problems?.diagnostics.map(\.description) == [
                """
                error: a vocabulary of 128 has no token for some bytes of the text\
                  [data-vocabulary]
                  expected: at least 256, or 257 with a token of its own between files
                """
            ])
    }
}
