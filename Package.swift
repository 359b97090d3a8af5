// swift-tools-version: 6.2
import PackageDescription

/// A plain build keeps warnings as warnings, so that an upstream deprecation breaks nobody's build.
let warnings: [SwiftSetting] =
    Context.environment["APUS_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)]
let strict: [SwiftSetting] =
    warnings + [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
/// Every target but the two with pointers (`ApusEngine`, `ApusSystem`) proves that it has none.
let memorySafe: [SwiftSetting] = strict + [.strictMemorySafety()]

func library(
    _ name: String, _ dependencies: [Target.Dependency], pointers: Bool = false,
    resources: [Resource]? = nil
) -> Target {
    .target(
        name: name, dependencies: dependencies, resources: resources,
        swiftSettings: pointers ? strict : memorySafe)
}

func suite(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let containers = Target.Dependency.product(name: "BasicContainers", package: "swift-collections")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "apus",
    dependencies: [
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
    ],
    targets: [
        library("ApusBase", []),
        library("ApusRouting", []),
        library("ApusPlan", ["ApusBase", "ApusRouting", yams]),
        library("ApusProgram", ["ApusBase", "ApusPlan"]),
        library("ApusTrace", ["ApusBase", "ApusPlan", "ApusProgram"]),
        library("ApusCost", ["ApusBase", "ApusPlan", "ApusProgram"]),
        library(
            "ApusSimulator", ["ApusBase", "ApusPlan", "ApusProgram", "ApusTrace", "ApusCost"]),
        library(
            "ApusPlanner", ["ApusBase", "ApusPlan", "ApusProgram", "ApusCost", "ApusSimulator"]),
        library(
            "ApusValidation",
            ["ApusBase", "ApusPlan", "ApusProgram", "ApusCost", "ApusSimulator"]),
        library(
            "ApusAudit",
            [
                "ApusBase", "ApusPlan", "ApusProgram", "ApusCost", "ApusSimulator", "ApusPlanner",
            ]),
        library("ApusExport", ["ApusBase", "ApusPlan"]),
        // In the code, so that a static binary carries them.
        library(
            "ApusReport", ["ApusBase", "ApusPlan", "ApusProgram", "ApusTrace"],
            resources: [.embedInCode("Resources")]),
        .target(name: "CApusEngine"),
        library("ApusEngine", ["ApusBase", "CApusEngine"], pointers: true),
        library("ApusSystem", ["ApusBase"], pointers: true),
        library(
            "ApusCalibration",
            [
                "ApusBase", "ApusRouting", "ApusPlan", "ApusProgram", "ApusTrace", "ApusEngine",
                "ApusSystem", "ApusRuntime",
            ]),
        library("ApusControl", ["ApusBase", "ApusPlan", "ApusSystem"]),
        library(
            "ApusRuntime",
            [
                "ApusBase", "ApusRouting", "ApusPlan", "ApusProgram", "ApusTrace", "ApusEngine",
                "ApusSystem", containers,
            ]),
        library(
            "ApusVerify",
            ["ApusBase", "ApusPlan", "ApusProgram", "ApusEngine", "ApusSystem", "ApusRuntime"]),
        .executableTarget(
            name: "apus",
            dependencies: [
                "ApusBase", "ApusPlan", "ApusProgram", "ApusEngine", "ApusSystem", "ApusControl",
                "ApusRuntime", "ApusCost", "ApusSimulator", "ApusPlanner", "ApusValidation",
                "ApusAudit", "ApusExport", "ApusTrace", "ApusReport",
                "ApusCalibration", "ApusRouting", "ApusVerify", arguments,
            ],
            swiftSettings: memorySafe),
        library("ApusTestSupport", ["ApusBase", "ApusPlan", "ApusProgram"]),
        suite("ApusBaseTests", ["ApusBase", "ApusTestSupport"]),
        suite("ApusRoutingTests", ["ApusRouting"]),
        suite("ApusPlanTests", ["ApusPlan", "ApusTestSupport"]),
        suite("ApusProgramTests", ["ApusProgram", "ApusTestSupport"]),
        suite("ApusCostTests", ["ApusCost", "ApusTestSupport"]),
        suite("ApusTraceTests", ["ApusTrace", "ApusTestSupport"]),
        suite("ApusSimulatorTests", ["ApusSimulator", "ApusCost", "ApusTestSupport"]),
        suite("ApusPlannerTests", ["ApusPlanner", "ApusTestSupport"]),
        suite("ApusValidationTests", ["ApusValidation", "ApusTestSupport"]),
        suite("ApusAuditTests", ["ApusAudit", "ApusTestSupport"]),
        suite("ApusExportTests", ["ApusExport", "ApusTestSupport"]),
        suite("ApusReportTests", ["ApusReport", "ApusSimulator", "ApusTestSupport"]),
        suite("ApusEngineTests", ["ApusEngine", "ApusTestSupport"]),
        suite("ApusSystemTests", ["ApusSystem", "ApusTestSupport"]),
        suite("ApusCalibrationTests", ["ApusCalibration", "ApusTestSupport"]),
        suite("ApusControlTests", ["ApusControl", "ApusTestSupport"]),
        suite("ApusRuntimeTests", ["ApusRuntime", "ApusTestSupport"]),
        suite("ApusVerifyTests", ["ApusVerify", "ApusTestSupport"]),
        suite("ApusCommandTests", ["apus", "ApusTestSupport"]),
        suite("ArchitectureTests", []),
    ]
)
