import ApusBase
import ApusSimulator
import ArgumentParser

/// Reads a flag that slows something down, such as `0:1.5`.
func nameAndFactor(_ text: String, of flag: String) throws -> (String, Double) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let factor = Double(parts[1]), (0.01...1000).contains(factor)
    else {
        throw ValidationError(
            "`\(flag) \(text)` is not a name and a factor from 0.01 to 1000, such as `0:1.5`")
    }
    return (String(parts[0]), factor)
}

/// Reads a flag that slows a stage down.
func stageAndFactor(
    _ text: String, of flag: String, stages: Int
) throws -> Conditions.SlowStage {
    let (name, factor) = try nameAndFactor(text, of: flag)
    guard let stage = Int(name), (0..<stages).contains(stage) else {
        throw ValidationError(
            "`\(flag) \(text)` names `\(name)`; stages are 0 to \(stages - 1)")
    }
    return Conditions.SlowStage(stage: Stage(stage), factor: factor)
}
