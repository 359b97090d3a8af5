import ApusBase
import ApusPlan

/// A bucket, and the islands whose last backward completes its gradients.
struct PlannedBucket {
    var bucket: GradientBucket
    var islands: Set<Island>
    /// The chunk whose backward they are part of.
    var chunk: Int
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
        let islands = completingIslands(of: parameter, context)
        let chunk = context.chunk(of: parameter)
        if let open = buckets.lastIndex(where: { $0.bucket.axis == axis && $0.chunk == chunk }),
            buckets[open].bucket.size + size <= bucketSizeMax
        {
            buckets[open].bucket.parameters.append(parameter.name)
            buckets[open].bucket.size += size
            buckets[open].islands.formUnion(islands)
        } else {
            let bucket = GradientBucket(
                axis: axis, isSharded: context.zeroStage > 0, parameters: [parameter.name],
                size: size)
            buckets.append(PlannedBucket(bucket: bucket, islands: islands, chunk: chunk))
        }
    }
    return buckets
}

/// The islands that have to be done with a weight before its gradient is complete.
///
/// A tied embedding on a rank with both ends of the model is complete when both are.
private func completingIslands(
    of parameter: StoredParameter, _ context: StageContext
) -> Set<Island> {
    if let layer = parameter.layer {
        switch parameter.kind {
        case .experts: return [.experts(layer: layer)]
        case .dense, .shared: return [.feedForward(layer: layer)]
        case .embedding, .attention, .router, .norms, .head: break
        }
        return [context.shape.tensorParallel > 1 ? .norm(layer: layer) : .attention(layer: layer)]
    }
    guard parameter.kind == .embedding, context.isFirst else { return [.head] }
    return context.isLast && context.model.tiesEmbeddings ? [.embedding, .head] : [.embedding]
}

extension StageContext {
    /// The chunk with a weight; the embedding is in the first, the head in the last.
    fileprivate func chunk(of parameter: StoredParameter) -> Int {
        if let layer = parameter.layer {
            return chunks.firstIndex { $0.contains(layer) } ?? 0
        }
        return parameter.kind == .embedding && isFirst ? 0 : chunks.count - 1
    }
}
