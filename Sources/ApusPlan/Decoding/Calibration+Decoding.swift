import ApusBase

/// Reads what was measured on a cluster.
extension FieldReader {
    mutating func calibration(_ section: Section) -> Calibration {
        var result = Calibration()
        result.sources = sections("sources", in: section, fields: FileSchema.calibrationSource)
            .map { source($0) }
        if section.value("operation_us") != nil {
            result.operationMicroseconds = number("operation_us", in: section)
        }
        result.products = sections(
            "products", in: section, fields: FileSchema.calibrationProduct
        ).map { product($0) }
        result.attention = sections(
            "attention", in: section, fields: FileSchema.calibrationAttention
        ).map { attention($0) }
        result.kernels = sections(
            "kernels", in: section, fields: FileSchema.calibrationKernel
        ).map { kernel($0) }
        result.copies = sections("copies", in: section, fields: FileSchema.calibrationCopy).map {
            Calibration.Copy(
                bytes: integer("bytes", in: $0), microseconds: number("time_us", in: $0),
                spread: spread(in: $0))
        }
        result.collectives = sections(
            "collectives", in: section, fields: FileSchema.calibrationCollective
        ).map { exchange($0) }
        result.busyCores = sections(
            "busy_cores", in: section, fields: FileSchema.calibrationBusyCores
        ).map {
            Calibration.BusyCores(
                cores: integer("cores", in: $0), slowdown: number("slowdown", in: $0))
        }
        islands(&result, in: section)
        return result
    }

    private mutating func source(_ section: Section) -> Calibration.Source {
        var source = Calibration.Source(kind: text("kind", in: section))
        source.file = optionalText("file", in: section)
        source.machine = optionalText("machine", in: section)
        source.date = optionalText("date", in: section)
        source.command = optionalText("command", in: section)
        source.versions = optionalText("versions", in: section)
        source.repetitions = optionalInteger("repetitions", in: section)
        source.lines = optionalInteger("lines", in: section)
        source.used = optionalText("used", in: section)
        source.skipped = optionalText("skipped", in: section)
        return source
    }

    private mutating func product(_ section: Section) -> Calibration.Product {
        Calibration.Product(
            m: integer("m", in: section), n: integer("n", in: section),
            k: integer("k", in: section), groups: integer("groups", in: section, default: 1),
            type: needed("type", in: section, else: .fp32),
            microseconds: number("time_us", in: section), spread: spread(in: section))
    }

    private mutating func attention(_ section: Section) -> Calibration.Attention {
        Calibration.Attention(
            sequences: integer("sequences", in: section), length: integer("length", in: section),
            heads: integer("heads", in: section), headDim: integer("head_dim", in: section),
            pass: needed("pass", in: section, else: .forward),
            type: needed("type", in: section, else: .fp32),
            microseconds: number("time_us", in: section), spread: spread(in: section))
    }

    private mutating func kernel(_ section: Section) -> Calibration.Kernel {
        Calibration.Kernel(
            kind: needed("kind", in: section, else: .norm),
            pass: needed("pass", in: section, else: .forward),
            numbers: integer("numbers", in: section),
            microseconds: number("time_us", in: section), spread: spread(in: section))
    }

    private mutating func exchange(_ section: Section) -> Calibration.Exchange {
        let isBusyKnown = section.value("busy_us") != nil
        return Calibration.Exchange(
            collective: needed("collective", in: section, else: .allReduce),
            ranks: integer("ranks", in: section), bytes: integer("bytes", in: section),
            microseconds: number("time_us", in: section),
            busyMicroseconds: isBusyKnown ? number("busy_us", in: section) : nil,
            spread: spread(in: section))
    }

    mutating func spread(in section: Section) -> Double? {
        section.value("spread") == nil ? nil : number("spread", in: section)
    }

    /// A choice that has no default.
    mutating func needed<Choice: CaseIterable & RawRepresentable<String>>(
        _ key: String, in section: Section, else standIn: Choice
    ) -> Choice {
        if section.value(key) == nil {
            rejectMissing(
                key, in: section, expected: alternatives(Choice.allCases.map(\.rawValue)))
        }
        return choice(key, in: section, default: standIn)
    }
}
