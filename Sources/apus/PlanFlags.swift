import ApusBase
import ApusPlan

extension Cluster {
    /// The cluster of a flag such as `64xh100-sxm`, in nodes as such GPUs come.
    init(flag text: String) throws(Problems) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let rest = text.dropFirst(digits.count)
        let expected = "a deployment file, or GPUs such as `64xh100-sxm`"
        guard let count = Int(digits), rest.first == "x" else {
            throw Problems([
                flagProblem("cluster", .wrongType, "is `\(excerpt(text))`", expected: expected)
            ])
        }
        let limits = FileSchema.ranks
        guard limits.contains(count) else {
            throw Problems([
                flagProblem(
                    "cluster", .outOfRange, "has \(grouped(count)) GPUs",
                    expected: "\(limits.lowerBound) to \(limits.upperBound)")
            ])
        }
        let name = String(rest.dropFirst())
        guard let preset = GPUPreset(named: name) else {
            let suggestion = Suggestion(for: name, among: GPUPreset.all.map(\.name))
            throw Problems([
                flagProblem(
                    "cluster", .unknownValue, "has the GPU `\(excerpt(name))`",
                    expected: suggestion.expected, hint: suggestion.hint)
            ])
        }
        // Assumption: a node has 8 GPUs, and 4 where a rack shares one scale-up network, as HGX
        // boards and the trays of NVL72 racks have.
        let perNode = min(count, preset.scaleUpSpansNodes ? 4 : 8)
        guard count.isMultiple(of: perNode) else {
            throw Problems([
                flagProblem(
                    "cluster", .worldSize,
                    "has \(count) GPUs, which do not fill nodes of \(perNode)",
                    expected: "a multiple of \(perNode)",
                    hint: "`\(count / perNode * perNode + perNode)x\(preset.name)` fills its nodes")
            ])
        }
        self.init(
            nodeCount: count / perNode, gpusPerNode: perNode, gpu: preset.gpu, links: [])
    }
}

extension Workload {
    /// The workload of a flag such as `batch=1024,length=4096,precision=bf16`.
    init(flag text: String) throws(Problems) {
        var values: [String: String] = [:]
        var problems: [Diagnostic] = []
        let keys = ["batch", "length", "precision"]
        for part in text.split(separator: ",", omittingEmptySubsequences: false).prefix(16) {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2, keys.contains(pair[0]) else {
                problems.append(
                    flagProblem(
                        "workload", .unknownKey, "has `\(excerpt(String(part)))`",
                        expected: "a deployment file, or `batch=1024,length=4096,precision=bf16`",
                        hint: Suggestion(for: pair.first ?? "", among: keys).hint))
                continue
            }
            if values.updateValue(pair[1], forKey: pair[0]) != nil {
                problems.append(
                    flagProblem("workload", .duplicateKey, "gives `\(pair[0])` twice"))
            }
        }
        func integer(_ key: String, in limits: ClosedRange<Int>) -> Int? {
            if let number = values[key].flatMap({ Int($0) }), limits.contains(number) {
                return number
            }
            let problem = values[key].map { "has `\(key)=\(excerpt($0))`" } ?? "has no `\(key)`"
            problems.append(
                flagProblem(
                    "workload", values[key] == nil ? .missingKey : .outOfRange, problem,
                    expected: "`\(key)=` and an integer from \(limits.lowerBound) to "
                        + "\(limits.upperBound)"))
            return nil
        }
        var batch: Int?
        var length: Int?
        if problems.isEmpty {
            batch = integer("batch", in: FileSchema.sequences)
            length = integer("length", in: FileSchema.sequenceLength)
        }
        let name = values["precision"] ?? Precision.bf16.rawValue
        let precision = Precision(rawValue: name)
        if precision == nil {
            let suggestion = Suggestion(for: name, among: Precision.allCases.map(\.rawValue))
            problems.append(
                flagProblem(
                    "workload", .unknownValue, "has `precision=\(excerpt(name))`",
                    expected: suggestion.expected, hint: suggestion.hint))
        }
        guard problems.isEmpty, let batch, let length, let precision else {
            throw Problems(problems)
        }
        self.init(
            sequencesPerBatch: batch, sequenceLengths: [length], precision: precision)
    }
}

/// What is wrong with the value of `--flag`.
private func flagProblem(
    _ flag: String, _ code: DiagnosticCode, _ problem: String, expected: String? = nil,
    hint: String? = nil
) -> Diagnostic {
    Diagnostic(
        code, path: "--\(flag)", problem: "`--\(flag)` \(problem)", expected: expected,
        hint: hint)
}
