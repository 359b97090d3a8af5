import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

@Suite("The reference deployment file")
struct ReferenceFileTests {
    @Test("every section is read as it stands in the file")
    func readsEverySection() throws {
        let file = "Plans/strategy-16gpu.yaml"
        let read = try readDeployment(
            text: Repository.text(file), file: file,
            readReferencedFile: { path throws(Problems) in throw Problems([]) })
        #expect(read.notes == [])
        let deployment = read.deployment
        #expect(
            deployment.model
                == Model(
                    layerCount: 16, hiddenSize: 512, headCount: 16, keyValueHeadCount: 16,
                    headDim: 32, expertCount: 16, topK: 2, expertHiddenSize: 1024,
                    vocabularySize: 32000, tiesEmbeddings: true))
        #expect(deployment.claims.count == 49)
    }
}
