/// A random number generator whose numbers are a pure function of its seed (SplitMix64).
///
/// Source: Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators", §4.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return mixed(state)
    }
}

/// A number from 0 up to 1, equally spread, with 53 random bits.
extension SeededGenerator {
    package mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }
}

/// Spreads the bits of `value` over the whole word; equal inputs give equal outputs.
package func mixed(_ value: UInt64) -> UInt64 {
    var bits = value
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
}

/// A fingerprint of text for finding accidental differences; it is no defence against an attacker.
///
/// Source: Fowler, Noll & Vo, FNV-1a with 64 bits, finished by one SplitMix64 round.
package func fingerprint(_ text: String) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return mixed(hash)
}
