import ApusBase
import ApusPlan

/// A bucket, and the island whose last backward completes its gradients.
struct PlannedBucket {
    var bucket: GradientBucket
    var lastIsland: Island
}

/// The size up to which gradients are reduced together.
///
/// Assumption: large enough that the latency of a collective does not count (one of 16 MiB is four
/// times faster over Gloo than 64 of 256 KiB), small enough that the first one starts early.
private let bucketSizeMax = Bytes(32 << 20)

/// Groups the stage's weights into buckets, in the order in which backward completes them.
///
/// The axis over which a gradient is reduced belongs to the weight. An axis of one rank needs no
/// reduction, so its weights are in no bucket.
func gradientBuckets(_ context: StageContext) -> [PlannedBucket] {
    var buckets: [PlannedBucket] = []
    for parameter in context.parameters.reversed() {
        let axis = context.mesh.reductionAxis(of: parameter, in: context.model)
        guard context.mesh.size(of: axis) > 1 else { continue }
        let size = Bytes(parameter.count * 4)
        let island = completingIsland(of: parameter, context)
        if let open = buckets.lastIndex(where: { $0.bucket.axis == axis }),
            buckets[open].bucket.size + size <= bucketSizeMax
        {
            buckets[open].bucket.parameters.append(parameter.name)
            buckets[open].bucket.size += size
            buckets[open].lastIsland = island
        } else {
            let bucket = GradientBucket(
                axis: axis, isSharded: context.zeroStage > 0, parameters: [parameter.name],
                size: size)
            buckets.append(PlannedBucket(bucket: bucket, lastIsland: island))
        }
    }
    return buckets
}

private func completingIsland(of parameter: StoredParameter, _ context: StageContext) -> Island {
    if let layer = parameter.layer {
        if parameter.kind == .experts { return .experts(layer: layer) }
        return context.shape.tensorParallel > 1 ? .norm(layer: layer) : .attention(layer: layer)
    }
    return parameter.kind == .embedding && context.isFirst ? .embedding : .head
}
