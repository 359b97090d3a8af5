import ApusBase
import ApusCalibration
import ApusControl
import ApusEngine
import ApusPlan
import ApusRuntime
import ApusSystem
import ArgumentParser

/// This process as one rank of a calibration.
struct CalibrationProcess {
    let job: CalibrationJob
    let rendezvous: Rendezvous
    let options: SharedOptions

    /// What rank 0's lines to the launcher begin with.
    static let progressMark = "calibrating: "
    static let lineMark = "cluster: "

    func run() throws {
        let environment = Host.environment()
        guard let supervisor = try SupervisorLink.connect(environment) else {
            throw ValidationError("`apus calibrate` starts its own ranks on one host")
        }
        do throws(EngineError) {
            let onCPU = try Engine.open(at: job.enginePath)
            let device = job.device.device(
                localRank: rendezvous.localRank, localRanks: job.ranks, gpus: onCPU.deviceCount)
            let engine =
                device == .cpu ? onCPU : try Engine.open(at: onCPU.path, device: device)
            // Ranks that share a processor have one thread each when they train.
            try engine.setThreadCount(1)
            try measure(engine, isGPU: device != .cpu, supervisor, environment)
        } catch {
            let text = error.diagnostic.problem
            try? supervisor.report(.failure(text, isCommunication: tellsOfLostPeer(text)))
            endProcess(status: ExitCode.noAnswer.rawValue)
        }
    }

    private func measure(
        _ engine: Engine, isGPU: Bool, _ supervisor: SupervisorLink, _ environment: [String: String]
    ) throws(EngineError) {
        let meeting: (store: Store, prefix: String, host: String)
        do {
            let opened = try rendezvous.meeting(engine, environment, timeoutSeconds: 300)
            meeting = (opened.store, opened.prefix, opened.host)
        } catch {
            let text = (error as? Problems)?.diagnostics.first?.problem ?? "\(error)"
            try? supervisor.report(.failure(text, isCommunication: tellsOfLostPeer(text)))
            endProcess(status: ExitCode.noAnswer.rawValue)
        }
        let rank = CalibrationRank(
            engine: engine, store: meeting.store, prefix: meeting.prefix, host: meeting.host,
            rank: rendezvous.rank.index, size: job.ranks, cores: isGPU ? 1 : Host.coreCount,
            shapes: job.shapes, isQuick: job.isQuick)
        let isFirst = rendezvous.rank.index == 0
        let found = try rank.run { step in
            if isFirst { try? supervisor.send(Self.progressMark + step) }
        }
        guard let found else { return }
        let cluster = cluster(found, isGPU: isGPU, version: engine.libraryVersion)
        for line in cluster.text().split(separator: "\n") {
            try? supervisor.send(Self.lineMark + line)
        }
    }

    /// This machine as a cluster of as many ranks, with what was measured.
    private func cluster(_ found: Calibration, isGPU: Bool, version: String) -> Cluster {
        var calibration = found
        var source = Calibration.Source(kind: "apus")
        let memory = Double(Host.memory.total.count) / 1e9
        source.machine =
            "\(Host.processorModel), \(counted(Host.coreCount, "core", "cores")), "
            + "\(plain((10 * memory).rounded() / 10)) GB"
        source.versions = "apus \(Apus.configuration.version), PyTorch \(version)"
        calibration.sources = [source]
        let product = found.products.map { $0.flops / $0.microseconds * 1e-6 }.max() ?? 0.1
        let copies = found.copies.max { $0.bytes < $1.bytes }
        let bandwidth = copies.map { 2 * Double($0.bytes) / $0.microseconds * 1e-3 } ?? 10
        let known = job.gpu.flatMap(GPU.preset)
        return Cluster(
            nodeCount: 1, gpusPerNode: job.ranks,
            gpu: known
                ?? GPU(
                    name: job.gpu ?? (isGPU ? "gpu" : "cpu"),
                    peakTeraFLOPs: [.fp32: rounded(product)],
                    memoryGB: rounded(memory / Double(isGPU ? 1 : job.ranks)),
                    memoryBandwidthGBPerSecond: rounded(bandwidth)),
            links: [], cores: isGPU ? nil : Host.coreCount, calibration: calibration)
    }

    private func rounded(_ value: Double) -> Double { (max(value, 0.001) * 1000).rounded() / 1000 }
}
