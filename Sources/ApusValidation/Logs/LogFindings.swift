package import ApusBase
package import ApusPlan

/// What a log or a trace tells of a cluster.
package struct LogFindings: Hashable, Sendable {
    /// What was measured, with one source: the file.
    package var calibration: Calibration
    /// The steps of a training run, where the file has some.
    package var run: RunLog?
    /// The GPUs as the file names them, and how many of them it saw on how many hosts.
    package var gpuName: String?
    package var hosts: Int?
    package var ranks: Int?

    init(kind: String, file: String) {
        calibration = Calibration()
        var source = Calibration.Source(kind: kind)
        source.file = file
        calibration.sources = [source]
    }

    mutating func note(lines: Int, used: String, skipped: [String: Int]) {
        calibration.sources[0].lines = lines
        calibration.sources[0].used = used
        let reasons = skipped.filter { $0.value > 0 }.sorted { $0.key < $1.key }
        guard !reasons.isEmpty else { return }
        calibration.sources[0].skipped =
            reasons.map { "\(grouped($0.value)) \($0.key)" }.joined(separator: "; ")
    }
}

/// The size up to which a log or trace is read.
package let logSizeMax = Bytes(512 << 20)

/// Reads a log or a trace, recognised by what is in it.
///
/// Known are the tables of nccl-tests, the logs of Megatron-LM and torchtitan, and the traces that
/// PyTorch's profiler (Kineto) writes.
package func readLog(bytes: [UInt8], file: String) throws(Problems) -> LogFindings {
    // A line of a log may begin with a bracket, but not with two.
    let start = bytes.lazy.filter { $0 > 0x20 }.prefix(2)
    if start.first == UInt8(ascii: "{") || Array(start) == Array("[{".utf8) {
        return try KinetoTrace(bytes, file: file).findings()
    }
    for line in TextLines(bytes) {
        if line.text.contains("elapsed time per iteration (ms)") {
            return try readMegatronLog(bytes, file: file)
        }
        if line.text.contains("tps:"), line.text.contains("step:") {
            return try readTorchTitanLog(bytes, file: file)
        }
        if line.text.contains("busbw") {
            return try NCCLTestsReader(file: file).read(bytes)
        }
    }
    throw Problems([
        Diagnostic(
            .logFormat, location: Diagnostic.Location(file: file),
            problem: "the file is no log that Apus knows",
            expected: "a table of nccl-tests (`busbw`), a log of Megatron-LM (`elapsed time per "
                + "iteration (ms)`) or torchtitan (`step:` with `tps:`), or a trace of PyTorch's "
                + "profiler in JSON (`traceEvents`)")
    ])
}

/// Refuses a file of a known kind in which nothing can be used.
func nothingUsable(
    _ file: String, line: Int? = nil, _ problem: String, expected: String, skipped: [String: Int]
) -> Problems {
    let reasons = skipped.filter { $0.value > 0 }.sorted { $0.key < $1.key }
    return Problems([
        Diagnostic(
            .logFormat, location: Diagnostic.Location(file: file, line: line), problem: problem,
            details: reasons.map { "skipped: \(grouped($0.value)) \($0.key)" }, expected: expected)
    ])
}
