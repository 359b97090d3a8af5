import ApusBase
import ApusEngine
import ApusPlan
import ApusProgram
import ApusSystem
import ApusTestSupport
import Foundation
import Testing

@testable import ApusVerify

@Suite("Layouts against one rank", .serialized, .timeLimit(.minutes(4)))
struct VerificationTests {
    static var hasEngine: Bool {
        Engine.locate(environment: ProcessInfo.processInfo.environment) != nil
    }

    private static func engine() throws -> Engine {
        Host.setEnvironment("TORCH_FR_BUFFER_SIZE", "0")
        let path = try #require(
            Engine.locate(environment: ProcessInfo.processInfo.environment))
        let engine = try Engine.open(at: path)
        try engine.setThreadCount(1)
        return engine
    }

    private static func scaled(ranks: Int? = nil) throws -> ScaledDeployment {
        let file = try DeploymentFile.stored("Plans/strategy-16gpu.yaml")
        return ScaledDeployment(
            file.deployment, plan: try #require(file.deployment.plan), ranks: ranks)
    }

    @Test(
        "the document's layout passes for all four buckets, and for all of them in turn",
        .enabled(if: hasEngine))
    func verifiesDocument() throws {
        let scaled = try Self.scaled()
        var verification = Verification(
            engine: try Self.engine(), model: scaled.deployment.model, timeoutSeconds: 60)
        #expect(
            scaled.layouts.map(\.name) == [
                "up to 512", "up to 2048", "up to 4096", "up to 10240", "in turn",
            ])
        for layout in scaled.layouts {
            let verdict = try verification.verdict(of: layout)
            #expect(verdict.mismatch == nil)
            #expect(verdict.tieDistance >= Tolerance.tieDistance)
            #expect(verdict.loss > 0, "another order of summation leaves a trace")
        }
    }

    @Test("the small deployment passes", .enabled(if: hasEngine))
    func verifiesSmall() throws {
        let engine = try Self.engine()
        let deployment = try DeploymentFile.stored("Plans/small.yaml").deployment
        let plan = try #require(deployment.plan)
        let scaled = ScaledDeployment(deployment, plan: plan)
        var verification = Verification(
            engine: engine, model: scaled.deployment.model, timeoutSeconds: 60)
        for layout in scaled.layouts {
            #expect(try verification.verdict(of: layout).passes)
        }
    }

    @Test("one rank agrees with itself to the bit", .enabled(if: hasEngine))
    func agreesWithItself() throws {
        let scaled = try Self.scaled()
        let layout = try #require(Layout.all(ranks: 1, of: scaled.deployment).first)
        var alone = layout
        alone.plan.buckets[0].microBatches = 1
        alone.shapes = layout.alone
        var verification = Verification(
            engine: try Self.engine(), model: scaled.deployment.model, timeoutSeconds: 60)
        let verdict = try verification.verdict(of: alone)
        #expect(verdict.isBitwise)
        #expect(verdict.passes)
    }

    @Test("every layout of two ranks passes", .enabled(if: hasEngine))
    func verifiesAll() throws {
        let scaled = try Self.scaled()
        let layouts = Layout.all(ranks: 2, of: scaled.deployment)
        let four = try Self.scaled(ranks: 4)
        #expect(
            Layout.all(ranks: 4, of: four.deployment).contains { $0.tensorParallelMax == 4 })
        let names = layouts.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.contains("dp2,ep2,tp2 carved 1f1b recompute full"))
        #expect(names.contains("pp2 dualpipe_v"))
        var verification = Verification(
            engine: try Self.engine(), model: scaled.deployment.model, timeoutSeconds: 60)
        for layout in layouts {
            #expect(try verification.verdict(of: layout).mismatch == nil, "\(layout.name)")
        }
    }

    @Test("scaling keeps what makes the layout")
    func keepsStructure() throws {
        let file = try DeploymentFile.stored("Plans/strategy-16gpu.yaml")
        let plan = try #require(file.deployment.plan)
        let scaled = ScaledDeployment(file.deployment, plan: plan)
        #expect(scaled.plan.degrees == plan.degrees)
        #expect(scaled.plan.schedule == plan.schedule)
        #expect(scaled.plan.pipelinePlacement == plan.pipelinePlacement)
        #expect(scaled.plan.buckets.map(\.tensorParallel) == [1, 1, 2, 2])
        #expect(scaled.plan.buckets.map(\.recompute) == plan.buckets.map(\.recompute))
        #expect(scaled.plan.buckets.map(\.lengthMax) == plan.buckets.map(\.lengthMax))
        let (small, model) = (scaled.deployment.model, file.deployment.model)
        #expect(small.topK == model.topK)
        #expect(small.expertCount == model.expertCount)
        #expect(small.tiesEmbeddings == model.tiesEmbeddings)
        #expect(
            small.headCount / small.keyValueHeadCount == model.headCount / model.keyValueHeadCount)
        #expect(scaled.replacements.contains { $0.hasPrefix("zero_stage 1 -> 0") })
        let lengths = scaled.layouts.last?.shapes.map(\.sequenceLength) ?? []
        #expect(Set(lengths).count == 4)
    }

    @Test("a model without a seed that keeps its distance from ties is told so")
    func tellsOfTies() {
        #expect(
            Diagnostic.routingTie(seeds: 200).description == """
                error: each of 200 seeds brings a router within 1e-05 of a tie, where rounding \
                decides  [routing-tie]
                  expected: a seed without ties
                  hint: fewer micro-batches or experts give a step fewer choices
                """)
    }
}
