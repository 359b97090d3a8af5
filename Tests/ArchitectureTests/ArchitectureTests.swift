import Testing

@Suite("Architecture")
struct ArchitectureTests {
    @Test("every import is one that the table allows")
    func importsOnlyDownward() throws {
        let sources = try Repository.here().files(in: "Sources").filter {
            $0.path.hasSuffix(".swift")
        }
        try #require(sources.count > 10)
        for violation in sources.flatMap(ImportTable.apus.violations(in:)) {
            Issue.record("\(violation)")
        }
    }

    @Test("the table says what Package.swift says")
    func agreesWithTheManifest() throws {
        let manifest = try #require(
            Repository.here().files.first { $0.path == "Package.swift" })
        let declared = ImportTable.declared(inManifest: manifest.text)
        let allowed = ImportTable.apus.allowed.mapValues { $0.subtracting(ImportTable.toolchain) }
        #expect(declared == allowed)
    }

    @Test("no modules import each other in a circle")
    func hasNoCircle() {
        #expect(ImportTable.apus.circle.isEmpty)
        let circle = ImportTable(allowed: ["A": ["B"], "B": ["C"], "C": ["B"], "D": []])
        #expect(circle.circle == ["A", "B", "C"])
    }

    @Test("an import that the table does not allow is found, however it is written")
    func findsForbiddenImports() {
        let text = """
            // import Foundation
            import ApusBase
            @preconcurrency package import Foundation
            @testable import ApusPlan
            import func Glibc.cos
            import func Glibc.fork
            let text = "import Yams"
            """
        let file = Repository.File(path: "Sources/ApusProgram/Bad.swift", text: text)
        #expect(
            ImportTable.apus.violations(in: file) == [
                Violation(file.path, line: 3, "ApusProgram may not import Foundation"),
                Violation(file.path, line: 6, "ApusProgram may not import Glibc"),
            ])
        let stray = Repository.File(path: "Sources/ApusNew/Bad.swift", text: "")
        #expect(
            ImportTable.apus.violations(in: stray) == [
                Violation(stray.path, "target `ApusNew` has no row in the import table")
            ])
    }

    @Test("dependencies are read from a manifest as SwiftPM would")
    func readsManifests() {
        let manifest = """
            let yams = Target.Dependency.product(name: "Yams", package: "Yams")
            func library(_ name: String) -> Target {
                .target(name: name, dependencies: dependencies)
            }
            let package = Package(
                targets: [
                    library("Base", []),
                    library(
                        "Plan", ["Base", yams], pointers: true),
                    .target(name: "C"),
                    .executableTarget(name: "tool", dependencies: ["Plan"]),
                ])
            """
        #expect(
            ImportTable.declared(inManifest: manifest) == [
                "Base": [], "Plan": ["Base", "Yams"], "C": [], "tool": ["Plan"],
            ])
    }
}
