/// What a report shows, as plain values.
///
/// Every part may be absent; the page then says what is missing and what would bring it.
package struct ReportData: Hashable, Sendable, Encodable {
    package var title: String
    /// The plan in one line, such as `16 ranks: pipeline 4 × data 4`.
    package var summary: String
    /// What the report was made from, one line each.
    package var provenance: [String] = []
    /// Plan, cluster and model.
    package var facts: [FactGroup] = []
    /// One section per sequence length.
    package var lengths: [LengthReport] = []
    package var run: RunReport?
    package var experts: ExpertLoad?
    package var audit: AuditSummary?
    package var search: SearchSummary?

    package init(title: String, summary: String, lengths: [LengthReport] = []) {
        self.title = title
        self.summary = summary
        self.lengths = lengths
    }
}

/// Facts that belong together, such as those of the cluster.
package struct FactGroup: Hashable, Sendable, Encodable {
    package struct Fact: Hashable, Sendable, Encodable {
        package var name: String
        package var value: String
    }

    package var name: String
    package var facts: [Fact]

    package init(_ name: String, _ facts: [(name: String, value: String)]) {
        self.name = name
        self.facts = facts.map { Fact(name: $0.name, value: $0.value) }
    }
}

/// Whether a figure was computed before the run or seen in it.
package enum Origin: String, Hashable, Sendable, Encodable {
    case predicted, measured
}
