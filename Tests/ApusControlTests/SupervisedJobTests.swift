import ApusBase
import ApusControl
import ApusSystem
import Foundation
import Testing

/// What the callbacks of a job were told.
private final class Heard {
    var reports: [String] = []
    var output: [String] = []
    var said: [String] = []

    var callbacks: SupervisedJob.Callbacks {
        .init(
            onReport: { self.reports.append("\($0): \($1)") },
            onOutput: { self.output.append("\($0): \($1)") }, say: { self.said.append($0) })
    }
}

/// A job whose ranks run shell scripts.
private func job(
    _ scripts: [String], signals: SignalWatch? = nil, _ heard: Heard
) -> SupervisedJob {
    let members = scripts.enumerated().map { index, script in
        SupervisedJob.Member(
            rank: Rank(index), localRank: index, place: "stage \(index)", program: "/bin/sh",
            arguments: ["sh", "-c", script], environment: ["PATH": "/usr/bin:/bin"])
    }
    return SupervisedJob(members, signals: signals, callbacks: heard.callbacks)
}

/// Whether a process is there and is no mere entry of one that nobody has reaped.
private func isRunning(_ pid: Int32) -> Bool {
    guard let bytes = try? readFile("/proc/\(pid)/stat", limit: 4096) else { return false }
    return !String(decoding: bytes, as: UTF8.self).contains(") Z ")
}

/// Waits until none of the processes runs, at most so many seconds.
private func haveEnded(_ pids: [Int32], within seconds: Double) -> Bool {
    let limit = monotonicSeconds() + seconds
    while monotonicSeconds() < limit {
        if !pids.contains(where: isRunning) { return true }
        usleep(5_000)
    }
    return false
}

@Suite("supervised job", .timeLimit(.minutes(1))) struct SupervisedJobTests {
    @Test("ranks are told their place, and what they write arrives line by line")
    func runs() throws {
        let heard = Heard()
        let script = """
            echo "$APUS_RANK/$APUS_WORLD_SIZE $APUS_LOCAL_RANK/$APUS_LOCAL_WORLD_SIZE" \\
                "$APUS_MASTER_ADDR"
            echo err >&2
            echo '{"step": 1}' >&$APUS_REPORT_FD
            printf 'apus: step 1 forward' >&$APUS_REPORT_FD
            """
        let outcome = try job([script, script], heard).run()
        #expect(outcome == .success)
        #expect(
            heard.output.sorted() == [
                "0: 0/2 0/2 127.0.0.1", "0: err", "1: 1/2 1/2 127.0.0.1", "1: err",
            ])
        #expect(
            heard.reports.sorted() == [
                "0: apus: step 1 forward", "0: {\"step\": 1}", "1: apus: step 1 forward",
                "1: {\"step\": 1}",
            ])
        #expect(heard.said.isEmpty)
    }

    @Test("a killed rank is named within five seconds, with stubborn ranks, and nobody is left")
    func namesKilledRank() throws {
        let heard = Heard()
        let stubborn = "trap '' TERM; echo $$; sleep 60 & echo $!; while true; do sleep 0.05; done"
        let victim = "echo $$; sleep 0.2; echo 'Connection reset by peer' >&2; exit 1"
        let killed = "echo $$; echo 'apus: step 7 backward' >&3; sleep 0.3; kill -9 $$"
        let started = monotonicSeconds()
        let outcome = try job([stubborn, victim, killed, stubborn], heard).run()
        #expect(monotonicSeconds() - started < 5.5)
        guard case .failed(let culprit, let diagnostic) = outcome else {
            Issue.record("the job failed, but the outcome is \(outcome)")
            return
        }
        #expect(culprit == Rank(2))
        #expect(diagnostic.problem.contains("was killed by signal 9 (SIGKILL)"))
        #expect(diagnostic.details.contains { $0.contains("step 7, backward") })
        let pids = heard.output.compactMap { Int32($0.dropFirst(3)) }
        #expect(pids.count == 6)
        #expect(haveEnded(pids, within: 5))
    }

    @Test("the last words of a rank are its last error, whatever it printed after")
    func quotesLastWords() throws {
        let script = "echo 'Fatal error: no disk' >&2; echo; echo 'took 3 s'; echo ' '; exit 4"
        let outcome = try job([script], Heard()).run()
        guard case .failed(_, let diagnostic) = outcome else {
            Issue.record("the job failed, but the outcome is \(outcome)")
            return
        }
        #expect(diagnostic.problem.hasSuffix("exited with status 4"))
        #expect(diagnostic.details.contains("its last words: Fatal error: no disk"))
    }

    @Test("an interrupt asks ranks to stop; a second one ends them at once")
    func interrupts() throws {
        let heard = Heard()
        let (reading, writing) = try Descriptor.pipe()
        let polite =
            "trap 'echo stopping; exit 0' TERM; echo ready; while true; do sleep 0.02; done"
        let stubborn = "trap '' TERM; echo ready; while true; do sleep 0.02; done"
        let callbacks = SupervisedJob.Callbacks(
            onReport: heard.callbacks.onReport,
            onOutput: { rank, line in
                heard.callbacks.onOutput(rank, line)
                if heard.output.count == 2 || line == "stopping" {
                    try? writing.write([UInt8(Signal.interrupt.rawValue)])
                }
            }, say: heard.callbacks.say)
        let members = [polite, stubborn].enumerated().map { index, script in
            SupervisedJob.Member(
                rank: Rank(index), localRank: index, place: "", program: "/bin/sh",
                arguments: ["sh", "-c", script], environment: ["PATH": "/usr/bin:/bin"])
        }
        let started = monotonicSeconds()
        let outcome = try SupervisedJob(
            members, signals: SignalWatch(descriptor: reading), callbacks: callbacks
        ).run()
        #expect(outcome == .interrupted(.interrupt))
        #expect(monotonicSeconds() - started < 5)
        #expect(heard.output.contains("0: stopping"))
        #expect(
            heard.said == [
                "SIGINT: asked 2 ranks to stop after this step; once more ends them at once"
            ])
    }

    @Test("rank 0 alone is handed the store's socket, which listens where the others are told")
    func handsDownStore() throws {
        let heard = Heard()
        let script = "readlink /proc/$$/fd/5 || echo none; echo ${APUS_STORE_FD:-none}"
        #expect(try job([script, script], heard).run() == .success)
        #expect(heard.output.contains { $0.hasPrefix("0: socket:") })
        #expect(heard.output.contains("0: 5"))
        #expect(heard.output.filter { $0 == "1: none" }.count == 2)
    }

    @Test("a rank that cannot be started ends those that were, and nothing is left open")
    func endsAfterFailedStart() throws {
        let folder = NSTemporaryDirectory() + "apus-job-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = SupervisedJob.Member(
            rank: Rank(0), localRank: 0, place: "", program: "/bin/sh",
            arguments: ["sh", "-c", "echo $$ > \(folder)/pid; sleep 60"], environment: [:])
        var second = first
        second.rank = Rank(1)
        second.program = "/nowhere/apus"
        let job = SupervisedJob([first, second], signals: nil, callbacks: .init())
        #expect(throws: SystemError.self) { try job.run() }
        if let bytes = try? readFile("\(folder)/pid", limit: 100),
            let pid = Int32(String(decoding: bytes.dropLast(), as: UTF8.self))
        {
            #expect(haveEnded([pid], within: 5))
        }
    }

    @Test("ranks end with a supervisor that is killed")
    func endWithSupervisor() async throws {
        let path = NSTemporaryDirectory() + "apus-pids-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        await #expect(processExitsWith: .signal(9)) { [path = path as String] in
            // A rank waits for the end of its parent pipe, as `ParentWatch` does.
            let script = "sleep 60 & echo $$ >> \(path); cat <&4 > /dev/null; kill -9 0"
            let members = (0..<2).map {
                SupervisedJob.Member(
                    rank: Rank($0), localRank: $0, place: "", program: "/bin/sh",
                    arguments: ["sh", "-c", script], environment: ["PATH": "/usr/bin:/bin"])
            }
            let killer = try ChildProcess(
                .init(
                    program: "/bin/sh",
                    arguments: [
                        "sh", "-c",
                        "until [ $(wc -l < \(path)) = 2 ]; do sleep 0.02; done 2>/dev/null; "
                            + "kill -9 \(getpid())",
                    ], environment: ["PATH": "/usr/bin:/bin"]))
            _ = try SupervisedJob(members, signals: nil, callbacks: .init()).run()
            withExtendedLifetime(killer) {}
        }
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let pids = text.split(separator: "\n").compactMap { Int32($0) }
        #expect(pids.count == 2)
        #expect(haveEnded(pids, within: 5))
    }
}
