import ApusTestSupport
import Foundation
import Testing

@Suite("apus verify", .serialized, .timeLimit(.minutes(3)), .enabled(if: TrainingRun.hasEngine))
struct VerifyCommandTests {
    @Test("the answer has the fields that others build on")
    func answers() throws {
        let outcome = try ApusProcess.run("verify", "Plans/small.yaml", "--json", "--quiet")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
        let answer = try #require(object as? [String: Any])
        let layouts = try #require(answer["layouts"] as? [[String: Any]])
        #expect(!layouts.isEmpty)
        for layout in layouts {
            #expect(layout["pass"] as? Bool == true)
            #expect(layout["bitwise"] is Bool)
            #expect((layout["plan"] as? [String: Any])?["pipeline_parallel"] is Int)
            for key in ["loss_rel", "gradients_rel", "parameters_rel", "gradient_norm_rel"] {
                let distance = try #require(layout[key] as? Double)
                #expect((0...1e-4).contains(distance))
            }
        }
    }

    @Test("a plan of more ranks than threads is refused with what to do instead")
    func refusesManyRanks() throws {
        let folder = try TestFolder()
        let text = try Repository.text("Plans/small.yaml")
            .replacing("data_parallel: 2", with: "data_parallel: 64")
            .replacing(/cluster:(.|\n)*?\nworkload:/, with: "workload:")
        let file = try folder.write(text, to: "many.yaml")
        let outcome = try ApusProcess(["verify", file], folder: folder).end(within: 60)
        #expect(outcome.status == 2)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.contains("`--all --ranks 16`"))
    }
}
