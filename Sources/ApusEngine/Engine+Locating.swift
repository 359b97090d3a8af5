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
        if let explicit { return explicit }
        if let named = environment["APUS_ENGINE"], !named.isEmpty { return named }
        let places = [directory(getcwd(nil, 0))].compactMap(\.self) + executableParents()
        return places.map { $0 + "/.deps/engine/libapus_engine.so" }
            .first { access($0, R_OK) == 0 }
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
