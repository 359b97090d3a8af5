import ApusBase
import ApusSystem
import ArgumentParser

/// When messages are coloured.
enum ColorChoice: String, ExpressibleByArgument, CaseIterable {
    case auto, always, never
}

/// The options that every command has.
struct SharedOptions: ParsableArguments {
    @Flag(help: "Print one JSON document on stdout, and nothing else there.")
    var json = false

    @Flag(help: "Print nothing but the answer, warnings and errors.")
    var quiet = false

    @Option(help: "When to use colour.")
    var color = ColorChoice.auto

    @Option(
        help: ArgumentHelp(
            "The engine library to use, instead of `APUS_ENGINE` or `.deps/engine`.",
            valueName: "path"))
    var engine: String?

    /// Whether text on `descriptor` is coloured.
    func isColored(_ descriptor: Int32) -> Bool {
        switch color {
        case .always: true
        case .never: false
        case .auto: Terminal.isTerminal(descriptor) && Host.environment()["NO_COLOR"] == nil
        }
    }
}
