import ApusPlan

extension MeasuredRow {
    /// The machines of the row.
    func mappedCluster() throws(Unscored) -> Cluster {
        let ranks = try required(.gpus)
        let perNode = min(try required(.gpusPerNode), ranks)
        guard let gpu = gpuNames.lazy.compactMap({ GPU.preset($0) }).first else {
            throw Unscored("no data sheet for the GPU `\(self[.gpu])`")
        }
        return Cluster(
            nodeCount: (ranks + perNode - 1) / perNode, gpusPerNode: perNode, gpu: gpu, links: [])
    }

    /// The presets that the name of a GPU may stand for, the likeliest first.
    private var gpuNames: [String] {
        let name = self[.gpu].lowercased()
        let names: [(mark: String, presets: [String])] = [
            ("gb300", ["gb300"]), ("gb200", ["gb200"]), ("b300", ["b300"]), ("b200", ["b200"]),
            ("h800", ["h800-sxm"]), ("h200", ["h200-sxm"]), ("h100", ["h100-sxm"]),
            ("a100", name.contains("40") ? ["a100-40gb"] : ["a100-80gb"]),
            ("mi300", ["mi300x"]), ("l40s", ["l40s"]), ("4090", ["rtx4090"]),
        ]
        return names.first { name.contains($0.mark) }?.presets ?? []
    }
}
