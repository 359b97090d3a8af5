/// What was measured on a cluster, which the cost model takes instead of typical figures.
///
/// Times are those of one operation on a rank that has its core or device to itself, with one
/// thread on a processor; `spread` is the distance between the quartiles of the repetitions over
/// their median.
package struct Calibration: Hashable, Sendable {
    package var sources: [Source] = []
    /// What an operation takes that has next to nothing to compute: the host's part of each.
    package var operationMicroseconds: Double?
    package var products: [Product] = []
    package var attention: [Attention] = []
    package var kernels: [Kernel] = []
    /// The model of `islands`.
    package var islandModel: IslandModel?
    package var islands: [Island] = []
    package var copies: [Copy] = []
    package var collectives: [Exchange] = []
    package var busyCores: [BusyCores] = []

    package init() {}

    /// Whether anything was measured.
    package var isEmpty: Bool {
        operationMicroseconds == nil && products.isEmpty && attention.isEmpty && kernels.isEmpty
            && islands.isEmpty && copies.isEmpty && collectives.isEmpty && busyCores.isEmpty
    }
}

extension Calibration {
    /// Where figures come from.
    package struct Source: Hashable, Sendable {
        /// What gave them: `apus`, or the kind of a file.
        package var kind: String
        package var file: String?
        package var machine: String?
        package var date: String?
        package var command: String?
        package var versions: String?
        /// Repetitions of each measurement, of which the median counts.
        package var repetitions: Int?
        package var lines: Int?
        /// What of a file was used, and what was passed over and why.
        package var used: String?
        package var skipped: String?

        package init(kind: String) { self.kind = kind }
    }

    /// A product `[m, k] · [k, n]`; with `groups`, one of each group in a single operation, `m`
    /// rows for each.
    package struct Product: Hashable, Sendable {
        package var m: Int
        package var n: Int
        package var k: Int
        package var groups: Int
        package var type: Precision
        package var microseconds: Double
        package var spread: Double?

        package init(
            m: Int, n: Int, k: Int, groups: Int = 1, type: Precision, microseconds: Double,
            spread: Double? = nil
        ) {
            self.m = m
            self.n = n
            self.k = k
            self.groups = groups
            self.type = type
            self.microseconds = microseconds
            self.spread = spread
        }

        package var flops: Double { 2 * Double(m) * Double(n) * Double(k) * Double(groups) }
    }

    /// Causal attention over whole sequences.
    package struct Attention: Hashable, Sendable {
        package var sequences: Int
        package var length: Int
        package var heads: Int
        package var headDim: Int
        package var pass: Pass
        package var type: Precision
        package var microseconds: Double
        package var spread: Double?

        package init(
            sequences: Int, length: Int, heads: Int, headDim: Int, pass: Pass, type: Precision,
            microseconds: Double, spread: Double? = nil
        ) {
            self.sequences = sequences
            self.length = length
            self.heads = heads
            self.headDim = headDim
            self.pass = pass
            self.type = type
            self.microseconds = microseconds
            self.spread = spread
        }
    }

    /// A kernel that is neither product nor attention, over so many numbers.
    package struct Kernel: Hashable, Sendable {
        package var kind: KernelKind
        package var pass: Pass
        package var numbers: Int
        package var microseconds: Double
        package var spread: Double?

        package init(
            kind: KernelKind, pass: Pass, numbers: Int, microseconds: Double, spread: Double? = nil
        ) {
            self.kind = kind
            self.pass = pass
            self.numbers = numbers
            self.microseconds = microseconds
            self.spread = spread
        }
    }

    /// What a kernel computes that is neither product nor attention; the numbers that it counts.
    package enum KernelKind: String, Hashable, Sendable, CaseIterable {
        /// Of the tensor that is normalised.
        case norm
        /// Of the queries or keys that are turned.
        case rotation
        /// Of what the activation gives.
        case activation
        /// Scores of experts, one for each token and expert, with all that chooses among them.
        case router
        /// Of the rows that are put into another order.
        case permutation
        /// Of the rows that are written for the experts, several for each token.
        case spreading
        /// Of the experts' rows that are weighted and summed for each token.
        case merging
        /// Of the sum of two tensors.
        case residual
        /// Of the embedded rows.
        case embedding
        /// Of the scores, one for each token and entry of the vocabulary.
        case crossEntropy = "cross_entropy"
        /// One: what an island takes beside its operations.
        case island
        /// Of the weights.
        case optimizer
        /// Of the gradients that are set to zero.
        case clearing
        /// Of the gradients whose squares are added up.
        case gradientNorm = "gradient_norm"
    }

    /// A copy of so many bytes, each read and written once.
    package struct Copy: Hashable, Sendable {
        package var bytes: Int
        package var microseconds: Double
        package var spread: Double?

        package init(bytes: Int, microseconds: Double, spread: Double? = nil) {
            self.bytes = bytes
            self.microseconds = microseconds
            self.spread = spread
        }
    }

    /// One collective, or one message between two ranks.
    package struct Exchange: Hashable, Sendable {
        package var collective: Collective
        package var ranks: Int
        /// As `Collective` counts them.
        package var bytes: Int
        package var microseconds: Double
        /// What one rank's processor was busy with it, on average over the ranks.
        package var busyMicroseconds: Double?
        package var spread: Double?

        package init(
            collective: Collective, ranks: Int, bytes: Int, microseconds: Double,
            busyMicroseconds: Double? = nil, spread: Double? = nil
        ) {
            self.collective = collective
            self.ranks = ranks
            self.bytes = bytes
            self.microseconds = microseconds
            self.busyMicroseconds = busyMicroseconds
            self.spread = spread
        }
    }

    /// How much longer computation takes while so many cores are busy.
    package struct BusyCores: Hashable, Sendable {
        package var cores: Int
        package var slowdown: Double

        package init(cores: Int, slowdown: Double) {
            self.cores = cores
            self.slowdown = slowdown
        }
    }

    /// How much longer computation takes while `cores` are busy; 1 where that was not measured.
    ///
    /// Between measured counts it grows in proportion; beyond the last one it stays.
    package func slowdown(busyCores cores: Int) -> Double {
        let points = [BusyCores(cores: 1, slowdown: 1)] + busyCores.sorted { $0.cores < $1.cores }
        guard let after = points.firstIndex(where: { $0.cores >= cores }) else {
            return points.last?.slowdown ?? 1
        }
        let high = points[after]
        guard after > 0, high.cores > cores else { return high.slowdown }
        let low = points[after - 1]
        let part = Double(cores - low.cores) / Double(high.cores - low.cores)
        return low.slowdown + part * (high.slowdown - low.slowdown)
    }
}
