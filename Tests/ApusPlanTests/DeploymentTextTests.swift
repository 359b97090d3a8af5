import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

@Suite("A deployment's text")
struct DeploymentTextTests {
    @Test("it reads back to an equal deployment", arguments: 0..<200)
    func readsBack(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let deployment = Deployment.random(using: &generator)
        let text = deployment.text()
        let read = try SmallFile.read(text)
        #expect(read.deployment == deployment, "seed \(seed):\n\(text)")
        #expect(read.deployment.text() == text)
    }

    @Test("the reference file's deployment reads back to an equal one")
    func readsReferenceBack() throws {
        let deployment = try SmallFile.read(Repository.text("Plans/strategy-16gpu.yaml")).deployment
        #expect(try SmallFile.read(deployment.text()).deployment == deployment)
    }

    @Test("it names every key, in the order of the file format")
    func showsEveryKey() throws {
        let deployment = try SmallFile.read(Repository.text("Plans/strategy-16gpu.yaml")).deployment
        try expectSnapshot(deployment.text(), named: "deployment-text")
    }
}
