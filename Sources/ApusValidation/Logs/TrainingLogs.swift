import ApusBase
import ApusPlan

/// Reads the log of a training run by Megatron-LM.
///
/// Each step is a line of fields between bars; the arguments at the start and a line on memory
/// after the first steps say more. Source: NVIDIA/Megatron-LM, `megatron/training/training.py`.
func readMegatronLog(_ bytes: [UInt8], file: String) throws(Problems) -> LogFindings {
    var lines = TextLines(bytes)
    var steps: [RunLog.Step] = []
    var skipped: [String: Int] = [:]
    var (length, world): (Int?, Int?) = (nil, nil)
    var memory: Int?
    while let (_, line) = lines.next() {
        if line.contains("elapsed time per iteration (ms)") {
            guard let step = megatronStep(line, length: length), steps.count < stepCountMax else {
                skipped["step lines without number or time", default: 0] += 1
                continue
            }
            steps.append(step)
        } else if line.contains("max allocated"), let held = line.number(after: "max allocated") {
            memory = max(memory ?? 0, whole((held * 1_048_576).rounded(), in: 0...Int.max) ?? 0)
        } else if line.contains("seq_length ...") {
            length = argument(line, "seq_length", in: 1...1_048_576) ?? length
        } else if line.contains("world_size ...") {
            world = argument(line, " world_size", in: 1...65_536) ?? world
        }
    }
    for index in steps.indices { steps[index].memoryPeakBytes = memory }
    return try findings(
        RunLog(kind: .megatron, file: file, steps: steps, worldSize: world),
        lines: lines, skipped,
        expected: "lines such as `iteration 10/ 100 | elapsed time per iteration (ms): 812.3 | …`")
}

private func megatronStep(_ line: String, length: Int?) -> RunLog.Step? {
    guard let number = whole(line.number(after: "iteration "), in: 0...1_000_000_000),
        let milliseconds = line.number(after: "elapsed time per iteration (ms)"),
        (1e-3...1e10).contains(milliseconds)
    else { return nil }
    var step = RunLog.Step(number: number)
    step.seconds = milliseconds / 1000
    step.teraFLOPsPerGPU = line.number(after: "throughput per GPU (TFLOP/s/GPU)")
    step.loss = line.number(after: "lm loss")
    let batch = whole(line.number(after: "global batch size"), in: 1...1_000_000_000)
    if let batch, let length {
        step.tokensPerSecond = Double(batch) * Double(length) / (milliseconds / 1000)
    }
    return step
}

/// The value of a line of arguments, such as `seq_length ........ 4096`.
private func argument(_ line: String, _ name: String, in range: ClosedRange<Int>) -> Int? {
    guard line.contains(name) else { return nil }
    let word = line.split { $0 == " " || $0 == "." }.last
    return word.flatMap { Int($0) }.flatMap { range.contains($0) ? $0 : nil }
}

/// More steps than any run that somebody keeps a log of.
private let stepCountMax = 10_000_000

/// Reads the log of a training run by torchtitan.
///
/// A step's line has no time, so the clock at its start tells how long it is since the step before;
/// the ranks of a job may all log, of which the first of each step counts. Source:
/// pytorch/torchtitan, `torchtitan/components/metrics.py`.
func readTorchTitanLog(_ bytes: [UInt8], file: String) throws(Problems) -> LogFindings {
    var lines = TextLines(bytes)
    var steps: [RunLog.Step] = []
    var skipped: [String: Int] = [:]
    var world: Int?
    var last: (number: Int, clock: Double)?
    while let (_, line) = lines.next() {
        if let size = line.number(after: "world_size") { world = whole(size, in: 1...65_536) }
        guard line.contains("tps:"), line.contains("step:") else { continue }
        guard let number = whole(line.number(after: "step:"), in: 0...1_000_000_000),
            let rate = line.number(after: "tps:"), rate > 0, steps.count < stepCountMax
        else {
            skipped["step lines without number or rate", default: 0] += 1
            continue
        }
        guard number > (last?.number ?? -1) else {
            skipped["lines of other ranks on the same step", default: 0] += 1
            continue
        }
        var step = RunLog.Step(number: number)
        step.tokensPerSecondPerGPU = rate
        step.tokensPerSecond = world.map { Double($0) * rate }
        step.teraFLOPsPerGPU = line.number(after: "tflops:")
        step.loss = line.number(after: "loss:")
        if let held = line.number(after: "memory:"), line.contains("GiB") {
            step.memoryPeakBytes = whole((held * 1_073_741_824).rounded(), in: 0...Int.max)
        }
        if let clock = clockSeconds(in: line) {
            if let last, clock > last.clock {
                step.seconds = (clock - last.clock) / Double(number - last.number)
            }
            last = (number, clock)
        } else {
            last = (number, last?.clock ?? .infinity)
        }
        steps.append(step)
    }
    return try findings(
        RunLog(kind: .torchTitan, file: file, steps: steps, worldSize: world),
        lines: lines, skipped,
        expected: "lines such as `step: 10 loss: 4.2 memory: 9.46GiB(64.99%) tps: 7,282 tflops: …`")
}

/// Seconds of a time such as `2026-05-18 16:04:46,338` in a line, from some day on.
private func clockSeconds(in line: String) -> Double? {
    let words = line.split(separator: " ")
    for (date, time) in zip(words, words.dropFirst()) {
        let days = date.split(separator: "-").compactMap { Int($0) }
        let parts = time.split { $0 == ":" || $0 == "," || $0 == "." }.compactMap { Int($0) }
        guard date.count == 10, days.count == 3, parts.count >= 3,
            (1900...9999).contains(days[0]), (1...12).contains(days[1]),
            (1...31).contains(days[2]), (0...23).contains(parts[0]), (0...59).contains(parts[1]),
            (0...60).contains(parts[2])
        else { continue }
        // Days since March 1 of year 0: a leap day ends a year that begins in March.
        let year = days[1] > 2 ? days[0] : days[0] - 1
        let month = (days[1] + 9) % 12
        let day =
            year * 365 + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + days[2]
        let fraction = parts.count > 3 && parts[3] < 1000 ? Double(parts[3]) / 1000 : 0
        return Double(day * 86_400 + parts[0] * 3600 + parts[1] * 60 + parts[2]) + fraction
    }
    return nil
}

/// The findings of a run's log: its steps.
///
/// They say nothing of single kernels.
private func findings(
    _ run: RunLog, lines: TextLines, _ skipped: [String: Int], expected: String
) throws(Problems) -> LogFindings {
    guard !run.steps.isEmpty else {
        throw nothingUsable(
            run.file, "no step of the log can be used", expected: expected, skipped: skipped)
    }
    var findings = LogFindings(kind: run.kind.rawValue, file: run.file)
    findings.run = run
    findings.ranks = run.worldSize
    var used = counted(run.steps.count, "step", "steps")
    if let seconds = run.median(\.seconds) { used += ", median \(thousandths(seconds)) s" }
    if let rate = run.median(\.teraFLOPsPerGPU) { used += ", \(thousandths(rate)) TFLOP/s per GPU" }
    used += "; whole steps, which tell no kernels or collectives apart"
    var reasons = skipped
    reasons["lines of more than \(TextLines.lengthMax) bytes"] = lines.tooLong
    findings.note(lines: lines.number, used: used, skipped: reasons)
    return findings
}

private func thousandths(_ value: Double) -> String {
    abs(value) < 1e12 ? plain((value * 1000).rounded() / 1000) : plain(value)
}
