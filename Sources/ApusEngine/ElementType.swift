/// The type of a tensor's elements, with its number in the C interface.
package enum ElementType: Int32, CaseIterable, Sendable {
    case float32 = 0
    case float64 = 1
    case float16 = 2
    case bfloat16 = 3
    case int64 = 4
    case int32 = 5
    case uint8 = 6

    /// The size of one element in bytes.
    package var byteCount: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16: 2
        case .uint8: 1
        }
    }
}

/// Where an engine makes its tensors.
package enum Device: Hashable, Sendable {
    case cpu
    case cuda(Int)

    /// The device's number in the C interface.
    var number: Int32 {
        switch self {
        case .cpu: -1
        case .cuda(let index): Int32(clamping: index)
        }
    }
}
