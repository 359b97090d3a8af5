import ApusBase

/// What a training run logged.
package struct RunReport: Hashable, Sendable {
    /// One step; `nil` is what the log did not say.
    package struct Step: Hashable, Sendable {
        package var step: Int
        package var loss: Double?
        package var tokens: Int?
        package var tokensPerSecond: Double?
        package var stepTime: Double?
        package var gradientNorm: Double?
        package var memoryPeak: Int?
        package var expertLoadCV: Double?
        package var communication: Double?
        package var bubble: Double?
        package var kept: Int?
        package var rerouted: Int?
        package var buffered: Int?
        package var dropped: Int?

        package init(step: Int) { self.step = step }
    }

    package var steps: [Step]
    /// Lines that are no steps, such as a lost rank.
    package var events: [String]

    package init(steps: [Step], events: [String] = []) {
        self.steps = steps
        self.events = events
    }

    /// The median of a field over the steps; the first is left out where there are more, because
    /// it also pays for what is set up once.
    package func median(_ field: KeyPath<Step, Double?>) -> Double? {
        let known = (steps.count > 1 ? steps.dropFirst() : steps[...]).compactMap {
            $0[keyPath: field]
        }
        return known.isEmpty ? nil : ApusBase.median(known)
    }
}

extension RunReport: Encodable {
    /// What the page draws over the steps.
    private struct Chart: Encodable {
        var unit: String
        var series: Series
    }

    private enum Key: String, CodingKey {
        case charts
    }

    package func encode(to encoder: any Encoder) throws {
        let charts = [
            chart("Loss", "number", \.loss), chart("Tokens/s", "number", \.tokensPerSecond),
            chart("Expert load cv", "number", \.expertLoadCV),
            chart("Time for communication", "seconds", \.communication),
        ]
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(charts.compactMap(\.self), forKey: .charts)
    }

    private func chart(
        _ name: String, _ unit: String, _ field: KeyPath<Step, Double?>
    ) -> Chart? {
        let points = steps.compactMap { step in step[keyPath: field].map { (step.step, $0) } }
        guard !points.isEmpty else { return nil }
        let series = Series(
            name, .measured, x: points.map { Double($0.0) }, y: points.map(\.1))
        return Chart(unit: unit, series: series.thinned(to: Page.pointsMax))
    }
}
