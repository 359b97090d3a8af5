import ApusBase
import ApusTestSupport

@testable import ApusValidation

/// The project's own measurements.
enum Fixtures {
    static func rows(_ file: String) throws -> [MeasuredRow] {
        let text = try Repository.text("Tests/Fixtures/measurements/\(file)")
        return try readMeasurements(Array(text.utf8), file: file).rows
    }

    static func allRows() throws -> [MeasuredRow] {
        try Repository.files(in: "Tests/Fixtures/measurements").filter { $0.hasSuffix(".csv") }
            .flatMap(rows)
    }
}

extension MeasuredRow {
    /// A complete row: a dense model on one node, in FP16, without recomputation.
    static var dense: MeasuredRow {
        MeasuredRow(
            file: "rows.csv", line: 2,
            cells: [
                .id: "row-1", .sourceKey: "test", .model: "llama", .layers: "16",
                .denseLayers: "16", .hidden: "4096", .ffn: "14336", .heads: "32",
                .keyValueHeads: "8", .headDim: "128", .vocabulary: "32000", .sequence: "4096",
                .experts: "0", .topK: "0", .expertFFN: "0", .sharedExpertFFN: "0",
                .attention: "gqa", .gated: "1", .gpu: "H100-80GB-SXM", .gpus: "16",
                .gpusPerNode: "8", .tensor: "2", .sequenceParallel: "1", .pipeline: "2",
                .chunks: "1", .expert: "1", .expertTensor: "1", .context: "1", .data: "4",
                .zero: "1", .microBatch: "1", .globalBatch: "64", .precision: "bf16",
                .recompute: "none", .framework: "Megatron-Core", .quantity: "step_time",
                .value: "1", .unit: "s",
            ])
    }

    /// The same with experts in all layers but the first.
    static var sparse: MeasuredRow {
        var row = dense
        row[.model] = "mixtral"
        row[.denseLayers] = "1"
        row[.experts] = "8"
        row[.topK] = "2"
        row[.expertFFN] = "2048"
        row[.expert] = "8"
        return row
    }

    func with(_ column: Column, _ text: String) -> MeasuredRow {
        var copy = self
        copy[column] = text
        return copy
    }

    /// The row as the table that it would stand in.
    var csv: String {
        let columns = Column.allCases
        return columns.map(\.rawValue).joined(separator: ",") + "\n"
            + columns.map { self[$0].contains(",") ? "\"\(self[$0])\"" : self[$0] }
            .joined(separator: ",") + "\n"
    }
}

/// The messages of a table that cannot be read, one below the other.
func messages(_ text: String) -> String { messages(Array(text.utf8)) }

func messages(_ bytes: [UInt8]) -> String {
    do throws(Problems) {
        _ = try readMeasurements(bytes, file: "rows.csv")
        return ""
    } catch {
        return error.diagnostics.map(\.description).joined(separator: "\n")
    }
}
