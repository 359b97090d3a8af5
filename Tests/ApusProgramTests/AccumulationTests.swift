import ApusPlan
import ApusProgram
import ApusTestSupport
import Testing

@Suite("A bucket that is smaller than the global batch accumulates gradients")
struct AccumulationTests {
    @Test("the document's flushes are extended until they hold the global batch")
    func keepsGlobalBatch() throws {
        var deployment = try DeploymentFile.stored("Plans/strategy-16gpu.yaml").deployment
        let plan = try #require(deployment.plan)
        deployment.run.sequencesPerStep = 128
        let expected = [128: (16, 2), 1024: (8, 4), 4096: (16, 4), 10240: (16, 4)]
        for (length, (microBatches, sequences)) in expected {
            let shape = try #require(StepShape(training: deployment, length: length))
            #expect(shape.microBatches == microBatches, "\(length)")
            #expect(shape.sequencesPerMicroBatch == sequences, "\(length)")
            let replicas = plan.degrees.carving(tensor: shape.tensorParallel).data
            #expect(shape.sequencesPerDataRank * replicas == 128)
        }
    }

    @Test("a share that is no multiple of the bucket's is divided as before")
    func dividesOthers() throws {
        var deployment = try DeploymentFile.stored("Plans/strategy-16gpu.yaml").deployment
        deployment.run.sequencesPerStep = 8
        let shape = try #require(StepShape(training: deployment, length: 4096))
        #expect(shape.microBatches == 4)
        #expect(shape.sequencesPerMicroBatch == 1)
    }
}
