import ApusBase
import ApusTestSupport
import Testing

@testable import ApusProgram

@Suite("Chunks of the head")
struct HeadChunksTests {
    @Test("scores of a small micro-batch are one chunk, held twice while they are normalised")
    func takesOneChunk() {
        let chunks = HeadChunks(tokens: 128, model: .small())
        #expect(chunks.count == 1)
        #expect(chunks.workspace == Bytes(2 * 128 * 512 * 4))
    }

    @Test("a chunk's scores stay below 64 MB however many tokens there are")
    func staysSmall() {
        for tokens in [31_250, 31_251, 1_000_000] {
            let chunks = HeadChunks(tokens: tokens, model: .small())
            #expect(chunks.workspace <= Bytes(2 * (64_000_000 + 512 * 4)))
            #expect(chunks.count == (tokens * 512 * 4 + 63_999_999) / 64_000_000)
        }
    }
}
