import Foundation

/// A file of reference values that `scripts/make-golden-mixtral` made: named tensors, and the model
/// they belong to.
///
/// Its format is safetensors: the header's length (8 bytes, little-endian), a JSON header, data.
struct GoldenFile {
    /// The model of the file, with the keys of a Hugging Face `config.json`.
    struct Config: Decodable, Equatable {
        let num_hidden_layers: Int
        let hidden_size: Int
        let num_attention_heads: Int
        let num_key_value_heads: Int
        let head_dim: Int
        let num_local_experts: Int
        let num_experts_per_tok: Int
        let intermediate_size: Int
        let vocab_size: Int
        let rms_norm_eps: Double
        let rope_theta: Double
        let tie_word_embeddings: Bool
    }

    /// A tensor's extents and its values in row-major order.
    struct Tensor<Element> {
        let shape: [Int]
        let values: [Element]
    }

    /// Why a file cannot be read.
    struct Invalid: Error, Equatable {
        let reason: String

        init(_ reason: String) {
            self.reason = reason
        }
    }

    let config: Config
    /// The names of all tensors, sorted.
    let names: [String]
    private let entries: [String: Entry]
    private let data: [UInt8]

    /// Reads `Tests/Golden/<name>.safetensors`.
    init(named name: String) throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Golden")
        let file = folder.appending(path: "\(name).safetensors")
        try self.init(bytes: Array(Data(contentsOf: file)))
    }

    init(bytes: [UInt8]) throws {
        guard bytes.count >= 8 else { throw Invalid("shorter than a header") }
        let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(bytes.count - 8) else { throw Invalid("the header is cut off") }
        let start = 8 + Int(length)
        var entries = try JSONDecoder().decode([String: Entry].self, from: Data(bytes[8..<start]))
        guard let golden = entries.removeValue(forKey: "__metadata__")?.golden else {
            throw Invalid("no entry `golden` in the metadata")
        }
        config = try JSONDecoder().decode(Golden.self, from: Data(golden.utf8)).config
        names = entries.keys.sorted()
        data = Array(bytes[start...])
        self.entries = entries
    }

    /// The names of the model's weights: every tensor that has a gradient beside it.
    var weightNames: [String] { names.filter { entries["grad.\($0)"] != nil } }

    func floats(_ name: String) throws -> Tensor<Float> {
        let (shape, bytes) = try content(name, type: "F32", size: 4)
        let words = bytes.withUnsafeBytes { buffer in
            stride(from: 0, to: buffer.count, by: 4)
                .map { buffer.loadUnaligned(fromByteOffset: $0, as: UInt32.self) }
        }
        return Tensor(
            shape: shape, values: words.map { Float(bitPattern: UInt32(littleEndian: $0)) })
    }

    func integers(_ name: String) throws -> Tensor<Int64> {
        let (shape, bytes) = try content(name, type: "I64", size: 8)
        let words = bytes.withUnsafeBytes { buffer in
            stride(from: 0, to: buffer.count, by: 8)
                .map { buffer.loadUnaligned(fromByteOffset: $0, as: Int64.self) }
        }
        return Tensor(shape: shape, values: words.map { Int64(littleEndian: $0) })
    }

    private func content(
        _ name: String, type: String, size: Int
    ) throws -> (shape: [Int], bytes: ArraySlice<UInt8>) {
        guard let entry = entries[name] else { throw Invalid("no tensor `\(name)`") }
        guard let shape = entry.shape, let offsets = entry.data_offsets, offsets.count == 2 else {
            throw Invalid("`\(name)` has no shape or no place")
        }
        guard entry.dtype == type else {
            throw Invalid("`\(name)` is \(entry.dtype ?? "untyped"), not \(type)")
        }
        guard 0 <= offsets[0], offsets[0] <= offsets[1], offsets[1] <= data.count else {
            throw Invalid("`\(name)` lies outside the file")
        }
        var count = size
        for extent in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard extent >= 0, !overflow else { throw Invalid("`\(name)` has no size") }
            count = product
        }
        guard count == offsets[1] - offsets[0] else {
            throw Invalid(
                "`\(name)` has \(offsets[1] - offsets[0]) bytes, its shape needs \(count)")
        }
        return (shape, data[offsets[0]..<offsets[1]])
    }

    private struct Golden: Decodable {
        let config: Config
    }

    /// A tensor's place, or the metadata.
    private struct Entry: Decodable {
        let dtype: String?
        let shape: [Int]?
        let data_offsets: [Int]?
        let golden: String?
    }
}
