import ApusPlan
import ApusTestSupport
import Testing

@testable import ApusExport

@Suite("An export")
struct ExportExampleTests {
    @Test("gives files, and says what the target cannot express")
    func servesAsExample() throws {
        let deployment = Deployment.small(pipeline: 2, data: 2, expert: 2)
        let plan = try #require(deployment.plan)
        let request = ExportRequest(
            deployment: deployment, plan: plan, target: .megatron, file: "small.yaml")
        let export = try request.export()
        #expect(export.files.contains { $0.text.contains("--pipeline-model-parallel-size") })
    }
}
