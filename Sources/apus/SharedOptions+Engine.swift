import ApusBase
import ApusEngine
import ApusSystem

extension SharedOptions {
    /// Where the engine is that a command needs.
    ///
    /// - Throws: `Problems` where there is none.
    func locateEngine() throws(Problems) -> String {
        guard let path = Engine.locate(explicit: engine, environment: Host.environment()) else {
            throw Problems([.engineMissing])
        }
        return path
    }
}

extension Diagnostic {
    /// No engine was found.
    static let engineMissing = Diagnostic(
        .engineMissing, problem: "no engine was found",
        expected: "`.deps/engine/libapus_engine.so`, or the path in `APUS_ENGINE` or `--engine`",
        hint: "`make build` builds it; planning, simulating and auditing work without one")
}
