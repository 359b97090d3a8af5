import ApusPlan

extension MeasuredRow {
    /// A way to fill in what the source did not publish.
    struct Filling: Hashable {
        var row: MeasuredRow
        /// The values that were filled in, such as `mbs 2`.
        var assumptions: [String]
    }

    /// The row with every free parameter that it lacks set to each value that it may have.
    ///
    /// A row that lacks nothing is its own only filling. Only what a run tunes is filled in, never
    /// the sizes of a model or a machine; functional tests of Megatron-Core, whose flags are
    /// public, are the exception.
    func fillings(for quantity: Quantity) -> [Filling] {
        var result = [Filling(row: self, assumptions: [])]
        for (column, values) in freeParameters(for: quantity) {
            result = result.flatMap { filling in
                values.map { value in
                    var copy = filling
                    copy.row[column] = value
                    copy.assumptions.append("\(column.rawValue) \(value)")
                    return copy
                }
            }
        }
        return result
    }

    private func freeParameters(for quantity: Quantity) -> [(Column, [String])] {
        var free = isTestRun ? testParameters(for: quantity) : []
        // A variant of a known GPU, such as one with another memory, is taken for the known one.
        if GPU(named: self[.gpu]) == nil,
            let kind = self[.gpu].split(whereSeparator: { !$0.isLetter && !$0.isNumber }).first,
            GPU(named: String(kind)) != nil
        {
            free.append((.gpu, [String(kind)]))
        }
        if lacks(.microBatch) { free.append((.microBatch, ["1", "2", "4", "8"])) }
        if lacks(.chunks), let stages = number(self[.pipeline]), stages > 1 {
            free.append((.chunks, ["1", "2", "3", "4", "6", "8"]))
        }
        if lacks(.recompute) {
            let cheap = "layernorm mla_up_proj moe_act"
            free.append(
                (.recompute, ["none", "selective", cheap, "\(cheap) mlp shared_experts", "full"]))
        }
        return free
    }

    /// What a functional test's row lacks: the vocabulary of its tokenizer, and where only memory
    /// was measured and nothing is sharded over replicas, how many of these there are.
    private func testParameters(for quantity: Quantity) -> [(Column, [String])] {
        var free: [(Column, [String])] = []
        if lacks(.vocabulary) { free.append((.vocabulary, ["\(testVocabulary)"])) }
        guard quantity.isMemory, let replica = replicaSize else { return free }
        let ranks = (replica + 7) / 8 * 8
        if lacks(.gpus), self[.zero] == "0" {
            free += [(.gpus, ["\(ranks)"]), (.gpusPerNode, ["8"])]
        }
        return free
    }

    /// The ranks of one replica of the model.
    private var replicaSize: Int? {
        let degrees = [Column.tensor, .pipeline, .context].map { number(self[$0]) ?? 0 }
        let size = degrees.reduce(1, *)
        return (1...65_536).contains(size) ? Int(size) : nil
    }
}
