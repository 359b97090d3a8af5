import ApusPlan

/// Measured times of collectives inside one node, as generated text.
enum MeasuredCollectives {
    /// A system whose collectives were measured.
    enum System: Hashable, Sendable {
        case a100, h100, h200, b200, gb200, l40s

        /// The bandwidth of the measured link, per GPU and direction, in GB/s.
        var linkGBPerSecond: Double {
            switch self {
            case .a100: 300
            case .h100, .h200: 450
            case .b200, .gb200: 900
            case .l40s: 32
            }
        }

        /// The system that stands for a GPU, and whether it is that GPU's own.
        static func standing(for gpu: String) -> (system: System, isOwn: Bool)? {
            let names: [(prefix: String, system: System, isOwn: Bool)] = [
                ("a100", .a100, true), ("h100", .h100, true), ("h800", .h100, false),
                ("h200", .h200, true), ("b200", .b200, true), ("b300", .b200, false),
                ("gb200", .gb200, true), ("gb300", .gb200, false), ("l40s", .l40s, true),
            ]
            let name = gpu.lowercased()
            return names.first { name.hasPrefix($0.prefix) }.map { ($0.system, $0.isOwn) }
        }
    }

    /// For 2, 4 and (where it was measured) 8 ranks, the times for 2⁹ to 2²⁹ bytes.
    static func text(_ system: System, _ collective: Collective) -> String {
        switch system {
        case .a100:
            choose(collective, a100AllReduce, a100ReduceScatter, a100AllGather, a100AllToAll)
        case .h100:
            choose(collective, h100AllReduce, h100ReduceScatter, h100AllGather, h100AllToAll)
        case .h200:
            choose(collective, h200AllReduce, h200ReduceScatter, h200AllGather, h200AllToAll)
        case .b200:
            choose(collective, b200AllReduce, b200ReduceScatter, b200AllGather, b200AllToAll)
        case .gb200:
            choose(collective, gb200AllReduce, gb200ReduceScatter, gb200AllGather, gb200AllToAll)
        case .l40s:
            choose(collective, l40sAllReduce, l40sReduceScatter, l40sAllGather, l40sAllToAll)
        }
    }

    private static func choose(
        _ collective: Collective, _ allReduce: String, _ reduceScatter: String,
        _ allGather: String, _ allToAll: String
    ) -> String {
        switch collective {
        case .allReduce: allReduce
        case .reduceScatter: reduceScatter
        case .allGather: allGather
        // A message to one neighbour is half of an exchange between two.
        case .allToAll, .pointToPoint: allToAll
        }
    }
}
