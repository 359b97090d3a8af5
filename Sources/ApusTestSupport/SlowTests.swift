import Foundation
package import Testing

extension Trait where Self == ConditionTrait {
    /// A test that takes long and runs only with `APUS_SLOW=1`, as `make test-slow` sets it.
    package static var slow: Self {
        .enabled(if: ProcessInfo.processInfo.environment["APUS_SLOW"] == "1", "APUS_SLOW=1 runs it")
    }
}
