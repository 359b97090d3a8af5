package import ApusBase

extension Deployment {
    /// What is wrong with a deployment whose values are each within their limits.
    ///
    /// Without any problem of severity `error` its degrees fill their meshes evenly, every sequence
    /// has a bucket, and no product of its numbers overflows. `positions` says where the keys of a
    /// deployment from a file stand; values under the key paths in `unusable` were refused and
    /// stand for nothing.
    package func problems(
        at positions: KeyPositions = KeyPositions(), ignoring unusable: Set<String> = []
    ) -> [Diagnostic] {
        var validator = Validator(positions: positions, unusable: unusable)
        validator.checkModel(model, section: "model")
        if let cluster { validator.checkCluster(cluster) }
        validator.checkWorkload(workload)
        validator.checkRouting(routing, model: model)
        if let plan {
            validator.checkWorldSize(plan.degrees, cluster: cluster)
            validator.checkPipeline(plan, model: model)
            validator.checkExperts(plan.degrees, model: model)
            validator.checkTensor(plan, model: model)
            validator.checkBuckets(plan, workload: workload)
        }
        validator.checkStates(self)
        validator.checkCounts(self)
        return validator.problems.sortedByPosition(first: positions.location(of: "")?.file)
    }
}

/// Collects what is wrong with a deployment, passing over what rests on values that were refused.
struct Validator {
    let positions: KeyPositions
    let unusable: Set<String>
    /// The key paths around those that are unusable.
    private let aroundUnusable: Set<String>
    private(set) var problems: [Diagnostic] = []

    init(positions: KeyPositions, unusable: Set<String>) {
        self.positions = positions
        self.unusable = unusable
        aroundUnusable = Set(unusable.flatMap(KeyPositions.pathsAround))
    }

    /// Whether the values under all these key paths, and around and within them, were read.
    func isKnown(_ paths: String...) -> Bool {
        paths.allSatisfy { path in
            !aroundUnusable.contains(path) && !unusable.contains(path)
                && KeyPositions.pathsAround(path).allSatisfy { !unusable.contains($0) }
        }
    }

    mutating func report(
        _ code: DiagnosticCode, _ path: String, severity: Diagnostic.Severity = .error,
        _ problem: String, details: [String] = [], expected: String? = nil, hint: String? = nil
    ) {
        problems.append(
            Diagnostic(
                code, severity: severity, location: positions.location(of: path), path: path,
                problem: problem, details: details, expected: expected, hint: hint))
    }

    /// Checks what the model says about itself; `section` is where its keys stand.
    mutating func checkModel(_ model: Model, section: String) {
        func path(_ key: String) -> String { section.isEmpty ? key : "\(section).\(key)" }
        let keys = model.family.keys
        let heads = path(keys.heads)
        let keyValueHeads = path(keys.keyValueHeads ?? keys.heads)
        if isKnown(heads, keyValueHeads), model.headCount % model.keyValueHeadCount != 0 {
            report(
                .attentionHeads, keyValueHeads,
                "`\(keyValueHeads)` is \(model.keyValueHeadCount), which does not divide "
                    + "`\(heads)` (\(model.headCount))",
                expected: alternatives(divisors(of: model.headCount)))
        }
        let rotary = model.latentAttention?.rotaryHeadDim ?? model.headDim
        let headDim = path(model.latentAttention == nil ? "head_dim" : "qk_rope_head_dim")
        if isKnown(headDim, heads, path(keys.hidden)), model.learnedPositions == nil,
            rotary % 2 != 0
        {
            report(
                .attentionHeads, headDim,
                "`\(headDim)` is \(rotary); rotary attention turns pairs of numbers",
                expected: "an even number")
        }
        checkExpertChoice(model, path)
    }

    /// Whether a token can choose its experts, and its groups of experts.
    private mutating func checkExpertChoice(_ model: Model, _ path: (String) -> String) {
        guard let key = model.family.keys.experts else { return }
        let topK = path(ModelKeys.topK)
        let experts = path(key)
        let (groups, chosen) = (path("n_group"), path("topk_group"))
        if let count = model.expertGroups, isKnown(groups, chosen, experts) {
            if model.expertCount % count.count != 0 {
                report(
                    .topK, groups,
                    "`\(groups)` is \(count.count), which does not divide `\(experts)` "
                        + "(\(model.expertCount))",
                    expected: alternatives(divisors(of: model.expertCount)))
            }
            if count.countPerToken > count.count {
                report(
                    .topK, chosen,
                    "`\(chosen)` is \(count.countPerToken), more than `\(groups)` "
                        + "(\(count.count))",
                    expected: "at most \(count.count)")
            }
            let choices = model.expertCount / count.count * count.countPerToken
            if isKnown(topK), model.topK <= model.expertCount, choices > 0, model.topK > choices {
                report(
                    .topK, topK,
                    "`\(topK)` is \(model.topK), but `\(chosen)` leaves a token "
                        + "\(counted(choices, "expert", "experts")) to choose from",
                    details: [
                        "\(count.countPerToken) of \(count.count) groups of "
                            + "\(model.expertCount / count.count)"
                    ],
                    expected: "at most \(choices)")
            }
        }
        if isKnown(topK, experts), model.topK > model.expertCount {
            report(
                .topK, topK,
                "`\(topK)` is \(model.topK), more than `\(experts)` (\(model.expertCount))",
                expected: "at most \(model.expertCount)")
        }
    }

    mutating func checkRouting(_ routing: Routing, model: Model) {
        let required: Int? =
            switch routing.gate {
            case .switchTop1: 1
            case .gshardTop2: 2
            case .softmaxTopK, .noisyTopK, .learnedNoisyTopK, .sigmoidBias, .groupLimited,
                .expertChoice:
                nil
            }
        if let required, model.hasExperts,
            isKnown("routing.gate", "model.\(ModelKeys.topK)"), model.topK != required
        {
            report(
                .topK, "routing.gate",
                "`routing.gate` `\(routing.gate.rawValue)` sends a token to "
                    + "\(counted(required, "expert", "experts")), `model.num_experts_per_tok` is "
                    + "\(model.topK)",
                expected: "`num_experts_per_tok: \(required)`, or another gate")
        }
        guard routing.capacity == .dropless, isKnown("routing") else { return }
        let hint = "`capacity: per_assignment` or `capacity: per_token` limits the capacity"
        if routing.capacityFactor != Routing().capacityFactor {
            report(
                .noEffect, "routing.capacity_factor",
                "`routing.capacity_factor` changes nothing: `routing.capacity` is `dropless`",
                hint: hint)
        }
        if !routing.overflow.isEmpty {
            report(
                .noEffect, "routing.overflow",
                "`routing.overflow` changes nothing: `routing.capacity` is `dropless`", hint: hint)
        }
    }

    mutating func checkWorkload(_ workload: Workload) {
        let lengths = workload.sequenceLengths
        guard isKnown("workload.sequence_lengths", "workload.length_weights") else { return }
        for (index, length) in lengths.enumerated() where lengths[..<index].contains(length) {
            report(
                .sequenceLength, "workload.sequence_lengths[\(index)]",
                "`workload.sequence_lengths` names \(length) twice",
                hint: "name each length once, and its share in `length_weights`")
        }
        if let weights = workload.lengthWeights, weights.count != lengths.count {
            report(
                .sequenceLength, "workload.length_weights",
                "`workload.length_weights` has \(counted(weights.count, "entry", "entries")), "
                    + "`workload.sequence_lengths` has \(lengths.count)",
                expected: "one weight for each length")
        }
    }
}

/// The numbers that divide `number`, ascending.
package func divisors(of number: Int) -> [Int] {
    var small: [Int] = []
    var large: [Int] = []
    var candidate = 1
    while candidate * candidate <= number {
        if number.isMultiple(of: candidate) {
            small.append(candidate)
            if candidate != number / candidate { large.append(number / candidate) }
        }
        candidate += 1
    }
    return small + large.reversed()
}

/// `1, 2 or 4`, shortened where there are many.
func alternatives(_ numbers: [Int]) -> String {
    let names = numbers.prefix(16).map(String.init)
    return numbers.count > 16 ? names.joined(separator: ", ") + ", …" : alternatives(names)
}

/// A count with its noun, such as `1 entry` or `3 entries`.
package func counted(_ count: Int, _ one: String, _ many: String) -> String {
    "\(grouped(count)) \(count == 1 ? one : many)"
}

/// The product of counts, or `Int.max` where it does not fit.
package func boundedProduct(_ counts: [Int]) -> Int {
    counts.reduce(1) { product, count in
        let (value, overflow) = product.multipliedReportingOverflow(by: count)
        return overflow ? Int.max : value
    }
}
