/// Which module may import which: the table that keeps dependencies pointing downward.
///
/// A change here is made with its reason, and with the same change in Package.swift.
struct ImportTable {
    /// A line that imports a module, or one symbol of it.
    struct Import: Equatable {
        let line: Int
        let module: String
        /// The symbol of `import func Glibc.cos`; nil where the whole module is imported.
        let symbol: String?
    }

    let allowed: [String: Set<String>]

    static let apus = ImportTable(allowed: [
        "ApusBase": [],
        "ApusRouting": [],
        // ApusRouting: a deployment names one of its workloads.
        "ApusPlan": ["ApusBase", "ApusRouting", "Yams"],
        "ApusProgram": ["ApusBase", "ApusPlan"],
        "ApusTrace": ["ApusBase", "ApusPlan", "ApusProgram"],
        "ApusCost": ["ApusBase", "ApusPlan", "ApusProgram"],
        "ApusSimulator": ["ApusBase", "ApusPlan", "ApusProgram", "ApusTrace", "ApusCost"],
        "ApusPlanner": ["ApusBase", "ApusPlan", "ApusProgram", "ApusCost", "ApusSimulator"],
        "ApusValidation": ["ApusBase", "ApusPlan", "ApusProgram", "ApusCost", "ApusSimulator"],
        "ApusAudit": [
            "ApusBase", "ApusPlan", "ApusProgram", "ApusCost", "ApusSimulator", "ApusPlanner",
        ],
        "ApusExport": ["ApusBase", "ApusPlan"],
        // Foundation writes the JSON that a page carries.
        "ApusReport": ["ApusBase", "ApusPlan", "ApusProgram", "ApusTrace", "Foundation"],
        "CApusEngine": [],
        // With ApusSystem the only module with pointers; Glibc for `dlopen`.
        "ApusEngine": ["ApusBase", "CApusEngine", "Glibc"],
        "ApusSystem": ["ApusBase", "Glibc", "Synchronization"],
        // ApusEngine and ApusSystem: it measures the engine, with the clocks of the system.
        // ApusRuntime: it measures islands as a run performs them, from the run's own trace.
        "ApusCalibration": [
            "ApusBase", "ApusPlan", "ApusProgram", "ApusTrace", "ApusEngine", "ApusSystem",
            "ApusRuntime", "ApusRouting",
        ],
        // ApusSystem: the supervisor's driver starts and watches processes.
        "ApusControl": ["ApusBase", "ApusPlan", "ApusSystem"],
        // BasicContainers: the slots that hold tensors.
        "ApusRuntime": [
            "ApusBase", "ApusRouting", "ApusPlan", "ApusProgram", "ApusTrace", "ApusEngine",
            "ApusSystem", "BasicContainers",
        ],
        // ApusSystem: the ranks are threads of one process; Synchronization: they gather results.
        "ApusVerify": [
            "ApusBase", "ApusPlan", "ApusProgram", "ApusEngine", "ApusSystem", "ApusRuntime",
            "Synchronization",
        ],
        "apus": [
            "ApusBase", "ApusPlan", "ApusProgram", "ApusEngine", "ApusSystem", "ApusControl",
            "ApusRuntime", "ApusCost", "ApusSimulator", "ApusPlanner", "ApusValidation",
            "ApusAudit", "ApusExport", "ApusTrace", "ApusReport", "ApusCalibration", "ApusRouting",
            "ApusVerify", "ArgumentParser", "Foundation", "Glibc", "Synchronization",
        ],
        "ApusTestSupport": ["ApusBase", "ApusPlan", "ApusProgram", "Testing", "Foundation"],
    ])

    /// Modules of the toolchain; Package.swift does not name them.
    static let toolchain: Set<String> = ["Foundation", "Glibc", "Synchronization", "Testing"]

    /// Functions of mathematics that Swift's own library lacks.
    ///
    /// `import func Glibc.cos` is allowed everywhere: it brings no pointers and no effects.
    static let mathematics: Set<String> = ["cos", "exp", "log", "log2", "pow", "sin", "sqrt"]

    func violations(in file: Repository.File) -> [Violation] {
        let target = file.path.split(separator: "/").dropFirst().first.map(String.init) ?? ""
        guard let modules = allowed[target] else {
            return [Violation(file.path, "target `\(target)` has no row in the import table")]
        }
        return Self.imports(in: file.text).compactMap { item in
            if modules.contains(item.module) { return nil }
            if item.module == "Glibc", let symbol = item.symbol, Self.mathematics.contains(symbol) {
                return nil
            }
            return Violation(file.path, line: item.line, "\(target) may not import \(item.module)")
        }
    }

    /// The modules that import each other in a circle; empty where dependencies only go down.
    var circle: Set<String> {
        var rest = allowed
        while let free = rest.first(where: { $0.value.isDisjoint(with: rest.keys) }) {
            rest[free.key] = nil
        }
        return Set(rest.keys)
    }

    static func imports(in text: String) -> [Import] {
        let kinds: Set<String> = [
            "func", "struct", "class", "enum", "protocol", "typealias", "let", "var",
        ]
        return SourceText(text).code.enumerated().compactMap { index, line in
            guard line.mentions("import") else { return nil }
            let parts = line.split(separator: " ").map(String.init)
            guard let start = parts.firstIndex(of: "import"), start + 1 < parts.count else {
                return nil
            }
            let hasKind = kinds.contains(parts[start + 1]) && start + 2 < parts.count
            let path = parts[hasKind ? start + 2 : start + 1].split(separator: ".")
            guard let module = path.first else { return nil }
            return Import(
                line: index + 1, module: String(module),
                symbol: path.count > 1 ? path.last.map(String.init) : nil)
        }
    }

    /// The dependencies that Package.swift declares for each target that is not a suite of tests.
    static func declared(inManifest text: String) -> [String: Set<String>] {
        let source = SourceText(text).codeAndStrings.joined(separator: "\n")
        var aliases: [String: String] = [:]
        for line in source.split(separator: "\n") where line.contains("Target.Dependency.product") {
            let words = line.words
            guard words.count > 6, let name = words.firstIndex(of: "name") else { continue }
            aliases[words[1]] = words[name + 1]
        }
        var targets: [String: Set<String>] = [:]
        for opening in ["\n        library(", ".executableTarget(", ".target("] {
            for range in source.ranges(of: opening) {
                let call = balanced(source[range.upperBound...])
                guard let name = call.words.first(where: { $0 != "name" }) else { continue }
                let list = call.drop { $0 != "[" }.prefix { $0 != "]" }
                targets[name] = Set(list.words.map { aliases[$0] ?? $0 })
            }
        }
        // The body of the manifest's own `library` function.
        targets["dependencies"] = nil
        return targets
    }

    /// The text up to the parenthesis that closes the one before it.
    private static func balanced(_ text: Substring) -> Substring {
        var depth = 1
        return text.prefix { character in
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            return depth > 0
        }
    }
}
