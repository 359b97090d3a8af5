import ApusBase

extension FieldReader {
    /// A cluster; one that another file names (`isNamed`) names no further file.
    mutating func cluster(
        _ section: Section, isNamed: Bool = false,
        _ readReferencedFile: (String) throws(Problems) -> [UInt8]
    ) -> Cluster {
        let (calibration, other) = calibration(of: section, isNamed, readReferencedFile)
        return Cluster(
            nodeCount: integer("nodes", in: section),
            gpusPerNode: integer("gpus_per_node", in: section),
            gpu: section.value("gpu") == nil ? other?.gpu ?? gpu(section) : gpu(section),
            links: sections("links", in: section, fields: FileSchema.link).map { link($0) },
            cores: optionalInteger("cores", in: section) ?? other?.cores,
            calibration: calibration)
    }

    /// What was measured: the section itself, or that of the cluster in the file that it names.
    ///
    /// From there come the GPU and the cores too, where the cluster says nothing of them.
    private mutating func calibration(
        of cluster: Section, _ isNamed: Bool,
        _ readReferencedFile: (String) throws(Problems) -> [UInt8]
    ) -> (Calibration?, Cluster?) {
        guard let node = cluster.value("calibration") else { return (nil, nil) }
        guard case .scalar = node.content, !node.isNull, !isNamed else {
            let section = section("calibration", in: cluster, fields: FileSchema.calibration)
            return (section.map { calibration($0) }, nil)
        }
        let key = Section(
            path: cluster.path, fields: [Field("calibration", .text)], entries: cluster.entries)
        guard let name = optionalText("calibration", in: key) else { return (nil, nil) }
        let path = sibling(name, of: file)
        do throws(Problems) {
            var parser = YAMLParser(file: path)
            let root = parser.parse(try fileText(readReferencedFile(path), file: path))
            guard root != nil || parser.problems.isEmpty else { throw Problems(parser.problems) }
            var reader = FieldReader(file: path, problems: parser.problems)
            let other = reader.root(root, fields: FileSchema.deployment, what: "the cluster file")
                .flatMap { reader.section("cluster", in: $0, fields: FileSchema.cluster) }
                .map { reader.cluster($0, isNamed: true, readReferencedFile) }
            absorb(reader, under: "cluster.calibration", keys: [])
            if other?.calibration == nil, reader.problems.isEmpty {
                reject(
                    .missingKey, "cluster.calibration",
                    "`\(excerpt(path))` has no `cluster.calibration`",
                    expected: "a file that `apus calibrate -o` wrote")
            }
            return (other?.calibration, other)
        } catch {
            for problem in error.diagnostics { report(problem) }
            markUnusable("cluster.calibration")
            return (nil, nil)
        }
    }

    private mutating func link(_ section: Section) -> Link {
        Link(
            level: text("level", in: section), gpuCount: integer("gpus", in: section),
            bandwidthGBPerSecond: number("bandwidth_gb_per_s", in: section),
            latencyMicroseconds: number("latency_us", in: section))
    }

    /// The name of a preset, or figures; with a preset's name, single figures replace the preset's.
    private mutating func gpu(_ cluster: Section) -> GPU {
        let presets = GPU.presets.map(\.name)
        let unknown = GPU(
            name: "", peakTeraFLOPs: [:], memoryGB: 1, memoryBandwidthGBPerSecond: 1)
        guard let node = cluster.value("gpu") else {
            rejectMissing(
                "gpu", in: cluster, expected: "a preset such as `h100-sxm`, or its figures")
            return unknown
        }
        if case .scalar(let name, _) = node.content, !node.isNull {
            if let preset = GPU.preset(name) { return preset }
            reject(
                .unknownValue, "cluster.gpu", "`cluster.gpu` is `\(excerpt(name))`",
                expected: "\(alternatives(presets)), or a mapping with the figures",
                hint: Suggestion(for: name, among: presets).hint)
            return unknown
        }
        let section = self.section("gpu", in: cluster, fields: FileSchema.gpu)
        guard let section else { return unknown }
        let name = text("name", in: section)
        let preset = GPU.preset(name)
        return GPU(
            name: name, peakTeraFLOPs: peakTeraFLOPs(section, preset: preset),
            memoryGB: number("memory_gb", in: section, default: preset?.memoryGB),
            memoryBandwidthGBPerSecond: number(
                "memory_bandwidth_gb_per_s", in: section,
                default: preset?.memoryBandwidthGBPerSecond))
    }

    private mutating func peakTeraFLOPs(_ gpu: Section, preset: GPU?) -> [Precision: Double] {
        let expected = "a mapping such as `{ bf16: 400 }`"
        guard let node = gpu.value("peak_tflops") else {
            if preset == nil { rejectMissing("peak_tflops", in: gpu, expected: expected) }
            return preset?.peakTeraFLOPs ?? [:]
        }
        guard let section = section("peak_tflops", in: gpu, fields: FileSchema.peakTeraFLOPs)
        else { return [:] }
        guard !section.entries.isEmpty else {
            rejectType(section.path, node, expected: expected)
            return [:]
        }
        var peaks: [Precision: Double] = [:]
        for precision in Precision.allCases where section.value(precision.rawValue) != nil {
            peaks[precision] = number(precision.rawValue, in: section)
        }
        return peaks
    }
}
