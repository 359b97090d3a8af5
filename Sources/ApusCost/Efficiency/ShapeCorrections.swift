import func Glibc.exp
import func Glibc.log2
import func Glibc.pow

/// Corrections of a modelled time at shapes that lie anywhere, not on a grid.
///
/// At a measured shape the correction is what was measured over what the model says; between shapes
/// it is the mean of their logarithms, weighted by the inverse cube of the distance in octaves.
/// It is what ``CorrectionGrid`` is for shapes on a grid.
struct ShapeCorrections: Sendable {
    private struct Point: Sendable {
        var place: SIMD4<Double>
        var logarithm: Double
    }

    private let points: [Point]

    /// Logarithms of measured ÷ modelled time at the logarithms of shapes to base 2.
    init(_ points: [(place: SIMD4<Double>, logarithm: Double)]) {
        self.points = points.map { Point(place: $0.place, logarithm: $0.logarithm) }
    }

    var isEmpty: Bool { points.isEmpty }

    /// The factor on a modelled time, and how well founded it is.
    ///
    /// Within an octave of a measured shape it counts as measured, within three as interpolated.
    func factor(at place: SIMD4<Double>) -> (factor: Double, provenance: Provenance) {
        var sum = 0.0
        var weights = 0.0
        var nearest = Double.infinity
        for point in points {
            let step = point.place - place
            let square = (step * step).sum()
            let reach = max(-step.min(), step.max())
            nearest = min(nearest, reach)
            // A shape that was measured twice has the mean of both.
            let weight = 1 / pow(max(square, 1e-6), 1.5)
            sum += weight * point.logarithm
            weights += weight
        }
        guard weights > 0 else { return (1, .roofline) }
        let provenance: Provenance =
            nearest <= 1 ? .measured : nearest <= 3 ? .interpolated : .roofline
        return (exp(sum / weights), provenance)
    }
}

/// The logarithm to base 2 of a count, 0 for none.
func octaves(_ count: Int) -> Double { log2(Double(max(1, count))) }
