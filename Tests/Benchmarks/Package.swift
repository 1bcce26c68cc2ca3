// swift-tools-version:6.2
import PackageDescription

// The project's own benchmark: a package of its own, so that building paidan does not build it. `deploy/bench` runs it.
let package = Package(
    name: "benchmarks",
    targets: [
        .executableTarget(
            name: "Reference",
            cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror"])],
            linkerSettings: [.linkedLibrary("hiredis"), .linkedLibrary("pq")]),
        .executableTarget(
            name: "Bench",
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"), .treatAllWarnings(as: .error),
            ]),
    ]
)
