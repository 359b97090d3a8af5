import ApusBase
import ApusPlan
import ApusSystem
import ApusValidation
import Foundation

/// The cluster that logs and traces tell of.
struct LogCluster {
    let files: [String]
    let gpu: String?

    func cluster() throws -> Cluster {
        var all: [LogFindings] = []
        var problems: [Diagnostic] = []
        for file in files {
            do throws(Problems) {
                all.append(try readLog(bytes: try bytes(of: file), file: file))
            } catch {
                problems += error.diagnostics
            }
        }
        guard problems.isEmpty else { throw Problems(problems) }
        var calibration = Calibration()
        for findings in all {
            var sources = findings.calibration.sources
            for index in sources.indices { sources[index].date = today() }
            calibration.sources += sources
            calibration.products += findings.calibration.products
            calibration.attention += findings.calibration.attention
            calibration.collectives += findings.calibration.collectives
        }
        let ranks = all.compactMap(\.ranks).max() ?? 1
        let hosts = all.compactMap(\.hosts).max() ?? max(1, (ranks + 7) / 8)
        return Cluster(
            nodeCount: hosts, gpusPerNode: max(1, ranks / hosts),
            gpu: try accelerator(all.compactMap(\.gpuName)), links: [], calibration: calibration)
    }

    private func bytes(of file: String) throws(Problems) -> [UInt8] {
        do throws(SystemError) {
            return try readFile(file, limit: logSizeMax.count)
        } catch {
            guard error.code == EFBIG else { throw Problems([error.diagnostic]) }
            throw Problems([
                Diagnostic(
                    .fileSize, location: Diagnostic.Location(file: file),
                    problem: "the file is too large for a log and is not read",
                    expected: "at most \(grouped(logSizeMax.count)) bytes",
                    hint: "a trace of a few steps says as much as one of many")
            ])
        }
    }

    /// The GPU of `--gpu`, or the one that a file names.
    private func accelerator(_ names: [String]) throws(Problems) -> GPU {
        for name in [gpu].compactMap(\.self) + names {
            if let known = GPU.preset(name) ?? GPU(named: name) ?? GPU(deviceName: name) {
                return known
            }
        }
        throw Problems([
            Diagnostic(
                .missingKey, path: "cluster.gpu",
                problem: names.isEmpty && gpu == nil
                    ? "the files do not name the GPU"
                    : "no preset is called `\(excerpt(gpu ?? names[0]))`",
                expected: "`--gpu` with one of \(GPU.presets.map(\.name).joined(separator: ", "))")
        ])
    }
}

extension GPU {
    /// The preset of a device's name as drivers print it, such as `NVIDIA H100 80GB HBM3`.
    fileprivate init?(deviceName: String) {
        let words = deviceName.lowercased().split { !$0.isLetter && !$0.isNumber }
        let known = GPU.presets.first { preset in
            guard let model = preset.name.split(separator: "-").first else { return false }
            return words.contains(model)
        }
        guard let known else { return nil }
        self = known
    }
}
