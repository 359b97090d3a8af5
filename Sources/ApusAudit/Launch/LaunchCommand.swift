import ApusBase
import ApusPlan

/// A command line that starts a distributed job, taken apart.
struct LaunchCommand: Hashable {
    /// A program that starts one process for each GPU.
    enum Launcher: String, Hashable, CaseIterable {
        case accelerate, deepspeed, mpirun, srun, torchrun
    }

    /// One `--name value`; the name as it is written, dashes included.
    struct Flag: Hashable {
        var word: String
        var value: String?

        /// The name with which launchers agree: no dashes in front, no section, underscores.
        var name: String {
            let bare = word.drop { $0 == "-" }
            let last = bare.split(separator: ".").last ?? bare
            return last.lowercased().replacing("-", with: "_")
        }

        var number: Int? { value.flatMap { Int($0) } }
        /// The flag as a command line has it.
        var text: String {
            guard let value else { return word }
            let shown = value.contains(" ") ? "'\(value)'" : value
            return word.hasPrefix("--") ? "\(word)=\(shown)" : "\(word) \(shown)"
        }
    }

    /// The first word, as it is written.
    var program: String
    /// The launcher that the first word names, or one that it seems to be meant for.
    var launcher: Launcher?
    /// Whether the first word is that launcher's name.
    var isSpeltRight: Bool
    /// Flags in front of the script, which the launcher reads.
    var launcherFlags: [Flag]
    var script: String?
    /// Flags behind the script, which the script reads.
    var scriptFlags: [Flag]

    init(_ text: String) {
        var words = Self.words(of: text)[...]
        // `NAME=value` in front of a command sets a variable.
        while let word = words.first, word.contains("="), !word.hasPrefix("-") {
            words.removeFirst()
        }
        program = words.popFirst() ?? ""
        let base = String(program.split(separator: "/").last ?? "")
        let isPython = base.hasPrefix("python")
        if isPython, words.first == "-m", let module = words.dropFirst().first {
            words = words.dropFirst(2)
            launcher = Self.launcher(ofModule: module)
            isSpeltRight = launcher != nil
            program += " -m \(module)"
        } else {
            let name = base == "mpiexec" ? "mpirun" : base
            launcher = Launcher(rawValue: name)
            isSpeltRight = launcher != nil
            if launcher == nil, !isPython {
                let names = Launcher.allCases.map(\.rawValue)
                launcher = Suggestion(for: name, among: names).nearest.flatMap(Launcher.init)
            }
        }
        if launcher == .accelerate, words.first == "launch" { words.removeFirst() }
        let end = words.firstIndex { $0.hasSuffix(".py") || $0.hasSuffix(".sh") } ?? words.endIndex
        launcherFlags = Self.flags(of: words[..<end])
        script = end < words.endIndex ? words[end] : nil
        scriptFlags = end < words.endIndex ? Self.flags(of: words[(end + 1)...]) : []
    }

    private static func launcher(ofModule module: String) -> Launcher? {
        switch module {
        case "torch.distributed.run", "torch.distributed.launch": .torchrun
        case "deepspeed.launcher.runner", "deepspeed": .deepspeed
        case "accelerate.commands.launch": .accelerate
        default: nil
        }
    }

    /// The words of a command line; quotes keep spaces, a backslash keeps the next letter.
    static func words(of text: String) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var isEscaped = false
        for letter in text {
            if isEscaped {
                isEscaped = false
                // A backslash at the end of a line joins it with the next.
                if letter != "\n" { word = (word ?? "") + String(letter) }
            } else if letter == "\\" {
                isEscaped = true
            } else if let open = quote {
                if letter == open { quote = nil } else { word = (word ?? "") + String(letter) }
            } else if letter == "\"" || letter == "'" {
                quote = letter
                word = word ?? ""
            } else if letter.isWhitespace {
                if let whole = word { words.append(whole) }
                word = nil
            } else {
                word = (word ?? "") + String(letter)
            }
        }
        return words + (word.map { [$0] } ?? [])
    }

    private static func flags(of words: ArraySlice<String>) -> [Flag] {
        var flags: [Flag] = []
        for word in words {
            if word.hasPrefix("-"), Double(word) == nil {
                let parts = word.split(
                    separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                flags.append(
                    Flag(word: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : nil))
            } else if let last = flags.indices.last, flags[last].value == nil {
                flags[last].value = word
            }
        }
        return flags
    }
}
