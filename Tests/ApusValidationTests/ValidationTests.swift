import ApusBase
import Testing

@testable import ApusValidation

@Suite("Validation")
struct ValidationTests {
    private func outcome(_ row: MeasuredRow, fillsIn: Bool = true) throws -> ValidatedRow.Outcome {
        var validation = Validation(fillsIn: fillsIn)
        validation.add(row)
        return try #require(validation.rows.first).outcome
    }

    private func comparison(_ row: MeasuredRow) throws -> Comparison {
        var validation = Validation(fillsIn: true)
        validation.add(row)
        return try #require(validation.rows.first?.comparison)
    }

    @Test("a step time, a rate and a cost of the same run have the same error")
    func agreesOverQuantities() throws {
        let time = try comparison(.dense)
        let tokens = 64.0 * 4096
        let others: [(quantity: String, unit: String, value: Double)] = [
            ("step_time", "ms", 1000), ("tokens_per_s_per_gpu", "tokens/s/GPU", tokens / 16),
            ("gpu_hours_per_1T_tokens", "GPU hours", 16 / 3600 / tokens * 1e12),
            ("train_days_300B_tokens", "days", 300e9 / tokens / 86_400),
            ("pretrain_gpu_hours_14.8T", "GPU hours", 16 / 3600 / tokens * 14.8e12),
            ("tokens_per_s", "tokens/s", tokens),
        ]
        for other in others {
            let row = MeasuredRow.dense.with(.quantity, other.quantity).with(.unit, other.unit)
                .with(.value, "\(other.value)")
            let result = try comparison(row)
            #expect((result.error - time.error).magnitude < 1e-9)
            #expect(result.measured == other.value)
        }
    }

    @Test("the unit of memory is heeded")
    func heedsUnits() throws {
        let row = MeasuredRow.dense.with(.quantity, "peak_mem_allocated").with(.value, "10")
        let binary = try comparison(row.with(.unit, "GiB"))
        let decimal = try comparison(row.with(.unit, "GB"))
        #expect((decimal.predicted / binary.predicted - 1.073741824).magnitude < 1e-9)
        #expect(binary.predicted > 1)
    }

    @Test("a utilization is of the peak that its unit names, or of the precision's")
    func heedsPeaks() throws {
        let row = MeasuredRow.dense.with(.quantity, "mfu").with(.value, "40")
        let own = try comparison(row.with(.unit, "%"))
        #expect(try comparison(row.with(.unit, "% of 989 TFLOP/s")) == own)
        let half = try comparison(row.with(.unit, "% of 494.5 TFLOP/s"))
        #expect((half.predicted / own.predicted - 2).magnitude < 1e-9)
    }

    @Test("a variant of a known GPU is taken for the known one, and named")
    func fillsInGPU() throws {
        guard case .assumed(let result) = try outcome(.dense.with(.gpu, "H100-96GB-HBM2e")) else {
            Issue.record("the row was not filled in")
            return
        }
        #expect(result.assumptions == ["gpu H100"])
    }

    @Test("what a run tunes is filled in, named and kept apart")
    func fillsIn() throws {
        let row = MeasuredRow.dense.with(.microBatch, "").with(.recompute, "")
        guard case .assumed(let result) = try outcome(row) else {
            Issue.record("the row was not filled in")
            return
        }
        #expect(result.assumptions.count == 2)
        #expect(result.assumptions.first?.hasPrefix("mbs ") == true)
        #expect(
            try outcome(row, fillsIn: false) == .skipped(reason: "`mbs` not published"))
        var validation = Validation(fillsIn: true)
        validation.add(.dense)
        validation.add(row)
        #expect(validation.summaries.map(\.isAssumed) == [false, true])
        #expect(validation.summaries.map(\.rows.count) == [1, 1])
    }

    @Test(
        "sizes of a model are never filled in",
        arguments: [
            Column.hidden, .layers, .heads, .vocabulary, .sequence, .gpus, .tensor, .pipeline,
        ])
    func guessesNoSizes(column: Column) throws {
        #expect(
            try outcome(.dense.with(column, ""))
                == .skipped(reason: "`\(column.rawValue)` not published"))
    }

    @Test("what is filled in is at least as fast as any other filling")
    func choosesFastest() throws {
        let row = MeasuredRow.dense.with(.microBatch, "")
        let chosen = try comparison(row).predicted
        for microBatch in ["1", "2", "4", "8"] {
            #expect(try chosen <= comparison(row.with(.microBatch, microBatch)).predicted)
        }
    }

    @Test("each reason for a skipped row is counted, the most frequent first")
    func countsReasons() {
        var validation = Validation(fillsIn: true)
        for row in [
            MeasuredRow.dense, .dense.with(.tensor, ""), .dense.with(.precision, "NVFP4"),
            .dense.with(.precision, "NVFP4"), .dense.with(.value, "OOM"), .dense.with(.value, "0"),
        ] {
            validation.add(row)
        }
        let summary = validation.summaries.first
        #expect(
            summary?.skipped == [
                .init(reason: "computes in FP4, of which there are no rates", count: 2),
                .init(reason: "the value is no positive number", count: 2),
                .init(reason: "`tp` not published", count: 1),
            ])
        #expect(summary?.errors?.count == 1)
    }

    @Test("every row is in the table of rows, with its prediction or its reason")
    func writesRows() throws {
        var validation = Validation(fillsIn: true)
        validation.add(.dense)
        validation.add(.dense.with(.tensor, "").with(.id, "with, comma"))
        var reader = CSVReader(Array(validation.rowsCSV.utf8), file: "out.csv")
        var records: [[String]] = []
        while let record = try reader.next() { records.append(record.cells) }
        #expect(records.count == 3)
        #expect(records[0].prefix(5) == ["id", "source_key", "quantity", "unit", "status"])
        #expect(records[1][4] == "scored")
        #expect(Double(records[1][5]) ?? 0 > 0)
        #expect(records[2][0] == "with, comma")
        #expect(records[2].contains("`tp` not published"))
    }

    @Test("models with and without experts are summed up apart where a source has both")
    func splitsModels() {
        var validation = Validation(fillsIn: true)
        validation.add(.dense)
        #expect(validation.summaries.first?.parts.isEmpty == true)
        validation.add(.sparse)
        #expect(validation.summaries.first?.parts.map(\.name) == ["dense", "moe"])
        #expect(validation.summaries.first?.parts.map(\.errors.count) == [1, 1])
    }

    @Test("no numbers within the limits make a trap")
    func survivesNumbers() throws {
        var validation = Validation(fillsIn: true)
        for seed in 0..<1000 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            for row in try readMeasurements(
                Array(randomRow(&generator).csv.utf8), file: "rows.csv"
            ).rows {
                validation.add(row)
            }
        }
        #expect(validation.rows.count == 1000)
        #expect(validation.rows.count { $0.comparison != nil } > 200)
    }

    private func randomRow(_ generator: inout SeededGenerator) -> MeasuredRow {
        var row = Bool.random(using: &generator) ? MeasuredRow.dense : .sparse
        if Bool.random(using: &generator) {
            row[.attention] = "mla"
            row[.headDim] = "mla:qlora65536,kvlora65536,nope65536,rope1,v65536"
        }
        let texts: [(Column, [String])] = [
            (.framework, ["Megatron-LM 2021", "Megatron-Core CI (dev)", "FSDP", "Megatron-Core"]),
            (.recompute, ["none", "full", "selective", "mlp", "moe", ""]),
            (.chunks, ["1", "2", "5", "DualPipe"]),
            (
                .quantity,
                [
                    "step_time", "peak_mem_reserved", "tflops_per_gpu", "layer_fwd_bwd_time",
                    "moe_layer_fwd_time", "activation_mem_pct_of_tp_baseline",
                ]
            ),
        ]
        for (column, values) in texts {
            row[column] = values.randomElement(using: &generator) ?? ""
        }
        let columns = Column.allCases.filter { $0.limits != nil && $0 != .value }
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            guard let column = columns.randomElement(using: &generator),
                let limits = column.limits
            else { continue }
            let values = [0, 1, 2, 3, 8, 4096, limits.upperBound].filter(limits.contains)
            row[column] = "\(Int(values.randomElement(using: &generator) ?? 1))"
        }
        return row
    }
}
