import Glibc

extension Engine {
    /// The path of the engine library, or nil where none is found.
    ///
    /// An `explicit` path (`--engine`) and `APUS_ENGINE` are taken as they are, so that opening a
    /// wrong one says so. Then `.deps/engine/libapus_engine.so` is looked for in the working
    /// directory and in the directories above this executable, so that a built `apus` finds the
    /// engine of its own repository from anywhere.
    package static func locate(
        explicit: String? = nil, environment: [String: String]
    ) -> String? {
        if let explicit { return inPlace(explicit) }
        if let named = environment["APUS_ENGINE"], !named.isEmpty { return inPlace(named) }
        let places = [directory(getcwd(nil, 0))].compactMap(\.self) + executableParents()
        return places.map { $0 + "/.deps/engine/libapus_engine.so" }
            .first { access($0, R_OK) == 0 }
    }

    /// A path that is not looked up among the system's libraries when it has no folder.
    private static func inPlace(_ path: String) -> String {
        path.contains("/") ? path : "./" + path
    }

    private static func directory(_ allocated: UnsafeMutablePointer<CChar>?) -> String? {
        guard let allocated else { return nil }
        defer { free(allocated) }
        return String(cString: allocated)
    }

    /// The directories above this executable, nearest first.
    private static func executableParents() -> [String] {
        guard var path = directory(realpath("/proc/self/exe", nil)) else { return [] }
        var parents: [String] = []
        while let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            path = String(path[..<slash])
            parents.append(path)
        }
        return parents
    }
}
