import ApusBase
import ApusPlan
import ApusTestSupport
import Testing

@Suite("A schedule's file")
struct ScheduleFileTests {
    static let oneForwardOneBackward = "0F0,0F1,0B0,0B1\n1F0,1B0,1F1,1B1\n"

    static func deployment(_ extra: String = "") -> String {
        SmallFile.text.replacing(
            "  data_parallel: 2", with: "  data_parallel: 2\n  schedule_file: mine.csv\(extra)")
    }

    static func read(_ csv: String, _ extra: String = "") throws(Problems) -> DeploymentFile {
        try SmallFile.read(deployment(extra), others: ["plans/mine.csv": csv])
    }

    /// Every message about a file, errors or notes, as it is printed.
    static func messages(_ csv: String, _ extra: String = "") -> String {
        do {
            return try read(csv, extra).notes.map(\.description).joined(separator: "\n")
        } catch {
            return error.diagnostics.map(\.description).joined(separator: "\n")
        }
    }

    @Test("gives the plan its passes, row by row, and its chunks")
    func readsPasses() throws {
        let plan = try #require(try Self.read(Self.oneForwardOneBackward).deployment.plan)
        let written = try #require(plan.schedule.written)
        #expect(written.file == "mine.csv")
        #expect(written.schedule.microBatches == 2)
        #expect(
            written.schedule.entries == [
                [.init(.forward, 0), .init(.forward, 1), .init(.backward, 0), .init(.backward, 1)],
                [.init(.forward, 0), .init(.backward, 0), .init(.forward, 1), .init(.backward, 1)],
            ])
        #expect(plan.chunks == 1 && plan.chunksPerRank == 1)
    }

    @Test(
        "may leave out the virtual stage, have empty cells and other line ends",
        arguments: [
            "F0,F1,B0,B1\nF0,B0,F1,B1", "\u{FEFF}0F0, 0F1,,0B0 ,0B1\r\n,1F0,1B0,1F1,1B1,,\r\n\r\n",
        ])
    func readsVariants(csv: String) throws {
        let expected = try Self.read(Self.oneForwardOneBackward).deployment
        #expect(try Self.read(csv).deployment == expected)
    }

    @Test("reads back from the text of its deployment, which names it")
    func roundTrips() throws {
        let deployment = try Self.read(Self.oneForwardOneBackward).deployment
        let text = deployment.text()
        #expect(text.contains("\n  schedule_file: mine.csv\n"))
        #expect(!text.contains("\n  schedule:"))
        let others = ["plans/mine.csv": Self.oneForwardOneBackward]
        #expect(try SmallFile.read(text, others: others).deployment == deployment)
    }

    @Test("holds its virtual stages round robin, or down the rows and back up")
    func findsPlacement() throws {
        let looped = "0F0,0F1,2F0,2F1,2B0,2B1,0B0,0B1\n1F0,1F1,3F0,3F1,3B0,3B1,1B0,1B1\n"
        let turned = "0F0,0F1,3F0,3F1,3B0,3B1,0B0,0B1\n1F0,1F1,2F0,2F1,2B0,2B1,1B0,1B1\n"
        for (csv, isV) in [(looped, false), (turned, true)] {
            let plan = try #require(try Self.read(csv).deployment.plan)
            #expect(plan.virtualStages == VirtualStages(stages: 2, chunks: 2, isV: isV))
            #expect(plan.chunksPerRank == 2)
        }
    }

    @Test("what PyTorch adds for its runtime is passed over with a note")
    func passesOverCommunication() {
        let csv = "0UNSHARD,0F0,0SEND_F0,0F1,0RECV_B0,0B0,0B1\n1RECV_F0,1F0,1B0,1F1,1B1\n"
        #expect(
            Self.messages(csv) == """
                plans/mine.csv:1:1: note: 4 cells of communication are passed over  [schedule-file]
                  hint: Apus compiles sends, receives and reductions itself
                """)
    }

    @Test("every cell that is no pass is told in one run")
    func refusesCells() {
        let csv = "0F0,0X1,F,0F99999\n1F0,\"1F1\",(0F0;1B0)OVERLAP_F_B\n"
        let found = Self.messages(csv)
        #expect(
            found.hasPrefix(
                """
                plans/mine.csv:1:5: error: the cell `0X1` is no pass of a schedule  [csv-syntax]
                  expected: a pass such as `0F3`, `F3`, `0B3`, `0I3` or `0W3`, numbered up to 65 535
                """))
        for place in ["1:9", "1:11", "2:5", "2:11"] {
            #expect(found.contains("plans/mine.csv:\(place): error: the cell"), "\(found)")
        }
        #expect(found.contains("one after the other: `0F3,1B0`"))
    }

    @Test("another placement is told with the two that are known")
    func refusesPlacement() {
        let found = Self.messages("0F0,1F0,1B0,0B0\n2F0,3F0,3B0,2B0\n")
        #expect(
            found == """
                plans/mine.csv:1:1: error: the row of stage 0 has virtual stages 0, 1  \
                [schedule-file]
                  expected: stages 0, 2 (round robin) or stages 0, 3 (down the rows and back up), \
                as 2 rows with 2 chunks each hold them
                plans/mine.csv:2:1: error: the row of stage 1 has virtual stages 2, 3  \
                [schedule-file]
                  expected: stages 1, 3 (round robin) or stages 1, 2 (down the rows and back up), \
                as 2 rows with 2 chunks each hold them
                """)
    }

    @Test("a pass out of order, twice or left out is told with what was expected")
    func refusesOrder() {
        #expect(
            Self.messages("0F0,0F1,0B0,0B1\n1F0,1F1,1B1,1B0\n") == """
                plans/mine.csv:2:9: error: `1B1` is out of order on virtual stage 1  \
                [schedule-file]
                  expected: backward of 0
                  hint: each virtual stage takes its micro-batches in order, so that gradients \
                are added in the order of every other schedule
                """)
        for (csv, expected) in [
            ("0F0,0F0,0B0\n1F0,1B0", "1:5: error: `0F0` is out of order"),
            ("0B0,0F0\n1F0,1B0", "expected: forward of 0 before it"),
            ("0F0,0W0,0I0\n1F0,1B0", "expected: the input's part of backward of 0 before it"),
            (
                "0F0,0F1,0I0,0B1,0W0\n1F0,1B0,1F1,1B1",
                "expected: the weights' part of backward of 0 before it"
            ), ("0F0,0F1,0B0,0B1\n1F0,1B0,1F1", "2:9: error: the row of stage 1 ends before `1B1`"),
            ("0F0,0I0\n1F0,1B0", "1:5: error: the row of stage 0 ends before `0W0`"),
            ("0F0,0B0\n,,\n", "2:1: error: the row of stage 1 has no pass"),
            ("\n \n", "plans/mine.csv: error: the schedule has no row  [schedule-file]"),
        ] {
            #expect(Self.messages(csv).contains(expected), "\(Self.messages(csv))")
        }
    }

    @Test("stages that would wait for each other are named, with what each waits for")
    func refusesDeadlock() {
        #expect(
            Self.messages("0F0,0B0,0F1,0B1\n1F0,1F1,1B0,1B1\n") == """
                plans/mine.csv:1:5: error: stage 0 would wait for ever here  [deadlock]
                  stage 0 waits at `0B0` for backward of 0 on virtual stage 1, which is stage 1
                  stage 1 waits at `1F1` for forward of 1 on virtual stage 0, which is stage 0
                  expected: an order in which the passes that others wait for come first
                """)
    }

    @Test("rows, chunks and micro-batches have to be the plan's")
    func refusesOtherSizes() {
        #expect(
            Self.messages("0F0,0B0\n", "\n  chunks_per_rank: 2") == """
                plans/small.yaml:21:3: error: `plan.schedule_file` has 1 row, \
                `plan.pipeline_parallel` is 2  [pipeline-degree]
                  expected: a row for each stage
                plans/small.yaml:22:3: error: `plan.chunks_per_rank` is 2, each row of \
                `plan.schedule_file` holds 1 virtual stage  [pipeline-degree]
                  expected: 1
                  hint: without the key the file alone says it
                plans/small.yaml:24:3: error: `plan.micro_batches` gives 2 micro-batches, \
                `plan.schedule_file` orders 1  [micro-batches]
                  expected: 1, with as many sequences or a multiple
                """)
    }

    @Test("a schedule and a file together, and a file that is not there, are refused")
    func refusesConflict() {
        #expect(
            Self.messages(Self.oneForwardOneBackward, "\n  schedule: 1f1b").contains(
                "`plan.schedule` and `plan.schedule_file` are both given  [conflicting-keys]"))
        #expect(SmallFile.messages(of: Self.deployment()).contains { $0.contains("no file") })
    }

    @Test("a run with other micro-batches is refused, and `--local` takes a generated schedule")
    func replacesLocally() throws {
        let csv = "0F0,0F1,0F2,0F3,0B0,0B1,0B2,0B3\n1F0,1F1,1F2,1F3,1B0,1B1,1B2,1B3\n"
        let text = Self.deployment().replacing("micro_batches: 2", with: "micro_batches: 4")
        let others = ["plans/mine.csv": csv]
        let kept = try SmallFile.read(text, others: others).deployment
        #expect(kept.local().deployment.plan?.schedule == kept.plan?.schedule)
        let large = text.replacing("sequences_per_data_rank: 4", with: "sequences_per_data_rank: 8")
            .replacing("micro_batches: 4", with: "micro_batches: 8")
        let eight = (0..<8).map { "0F\($0)" } + (0..<8).map { "0B\($0)" }
        let row = eight.joined(separator: ",")
        let wide = row + "\n" + row.replacing("0F", with: "1F").replacing("0B", with: "1B")
        let deployment = try SmallFile.read(large, others: ["plans/mine.csv": wide]).deployment
        let refused = deployment.unsupportedForTraining().map(\.problem)
        #expect(refused.contains { $0.contains("`plan.schedule_file` orders 8") }, "\(refused)")
        let (local, said) = deployment.local()
        #expect(local.plan?.schedule == .oneForwardOneBackward)
        let sentence = "schedule mine.csv -> 1f1b: the file orders 8 micro-batches, the run has 4"
        #expect(said.contains(sentence), "\(said)")
    }
}
