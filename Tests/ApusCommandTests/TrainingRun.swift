import ApusTestSupport
import Foundation
import Testing

/// Runs of `apus train` on the small deployment and a small text.
struct TrainingRun {
    /// The fields of a step's line in the log, as users and other programs rely on them.
    static let logFields: Set<String> = [
        "step", "sequence_length", "loss", "tokens", "tokens_per_s", "step_time_s", "lr",
        "grad_norm",
        "memory_peak_bytes", "expert_load_cv", "expert_load", "kept", "rerouted", "buffered",
        "dropped", "communication_s", "bubble_s", "generation",
        "stage_compute_s", "stage_time_variance",
    ]

    static var hasEngine: Bool {
        let named = ProcessInfo.processInfo.environment["APUS_ENGINE"] ?? ""
        let path =
            named.isEmpty
            ? Repository.root.appending(path: ".deps/engine/libapus_engine.so").path : named
        return FileManager.default.isReadableFile(atPath: path)
    }

    let folder: TestFolder
    let text: String

    init() throws {
        folder = try TestFolder()
        let sentences = (0..<400).map { index in
            "Of \(index) ships that left the harbour in month \(index % 12), most came back.\n"
        }
        text = try folder.write(sentences.joined(), to: "text.txt")
    }

    func start(
        _ arguments: String..., environment: [String: String] = [:], wrapper: [String] = [],
        name: String = "apus"
    ) throws -> ApusProcess {
        try ApusProcess(
            ["train", "Plans/small.yaml", "--data", text] + arguments, environment: environment,
            wrapper: wrapper, folder: folder, name: name)
    }

    func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    /// The lines of a log, each as a JSON object.
    func log(_ name: String) throws -> [[String: Any]] {
        try folder.text(name).split(separator: "\n").map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
            return try #require(object as? [String: Any])
        }
    }

    /// Loss and gradient norm of each step, to the last bit.
    func losses(_ name: String) throws -> [[Double]] {
        try log(name).map { line in
            [try #require(line["loss"] as? Double), try #require(line["grad_norm"] as? Double)]
        }
    }

    /// Starts a run that does not end by itself and waits until it trains.
    func startEndless() throws -> ApusProcess {
        let process = try start("--steps", "1000000", "--log", path("endless.jsonl"))
        let trains = waits(upTo: 30) {
            (try? folder.text("endless.jsonl"))?.isEmpty == false || process.hasEnded
        }
        try #require(trains && !process.hasEnded, "\(process.output)")
        return process
    }
}
