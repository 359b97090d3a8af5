import ApusBase

/// What a search of plans found: a table and its Pareto front.
struct SearchSection {
    private let search: SearchSummary?

    init(_ search: SearchSummary?) { self.search = search }

    var part: PagePart {
        guard let search, !search.strategies.isEmpty else {
            return .missing(
                id: "search", what: "No search was given",
                remedy: "`apus plan FILE --json > plans.json` makes one.")
        }
        let html = HTML.section(
            "search", "Other plans", search.summary,
            content: [
                .picture("search"),
                .table(
                    "Plans, fastest first (● on the Pareto front)",
                    [
                        .words("Plan"), .number("Step time"), .number("Tokens/s/GPU"),
                        .number("Memory"), .number("First token"),
                    ],
                    texts: search.strategies.map { strategy in
                        [
                            "\(strategy.isPareto ? "● " : "")\(strategy.name)"
                                + (strategy.isOwn ? " (own plan)" : ""),
                            Wording.time(strategy.stepTime),
                            Wording.number(strategy.tokensPerSecondPerGPU),
                            Wording.bytes(strategy.memoryPeak),
                            Wording.time(strategy.timeToFirstToken),
                        ]
                    }),
            ])
        return .shown(id: "search", name: "Search", html)
    }
}

/// Plan, cluster and model, and what the report was made from.
struct FactsSection {
    private let data: ReportData

    init(_ data: ReportData) { self.data = data }

    var html: HTML {
        let groups = data.facts.map { group -> HTML in
            .element(
                "div", ["class": "facts"],
                [
                    .element("h3", text: group.name),
                    .element(
                        "dl", [:],
                        group.facts.flatMap {
                            [.element("dt", text: $0.name), .element("dd", text: $0.value)]
                        }),
                ])
        }
        return .section(
            "facts", "Plan, cluster and model",
            content: [
                groups.isEmpty
                    ? absent("No deployment was given", "Its file says what was planned.")
                    : .element("div", ["class": "fact-groups"], groups),
                .element("h3", text: "Made from"),
                .element("ul", [:], data.provenance.map { .element("li", text: $0) }),
            ])
    }
}
