// swift-tools-version:6.2
import PackageDescription

let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncAlgorithms = Target.Dependency.product(name: "AsyncAlgorithms", package: "swift-async-algorithms")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let toml = Target.Dependency.product(name: "TOMLKit", package: "TOMLKit")

let package = Package(
    name: "paidan",
    products: [
        .executable(name: "paidan", targets: ["PaidanCommand"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-async-algorithms", exact: "1.1.4"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2", traits: []),
    ],
    targets: [
        // 0: C libraries, headers and shims only
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"])]),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CProcess"),
        .systemLibrary(name: "CZip", pkgConfig: "libzip", providers: [.apt(["libzip-dev"])]),
        // 1: a thread that owns one C handle
        .target(name: "OwnerThread", dependencies: ["CProcess"]),
        // 2: rules without I/O, I/O without rules
        .target(name: "Curl", dependencies: ["CCurl", "OwnerThread"]),
        .target(name: "Jobs", dependencies: ["OwnerThread", asyncAlgorithms, lifecycle, logging, metrics]),
        .target(name: "Observability", dependencies: ["OwnerThread", coreMetrics, logging, system]),
        .target(name: "Postgres", dependencies: ["CPQ", "OwnerThread"]),
        .target(name: "Redis", dependencies: ["CHiredis", "OwnerThread"]),
        .target(name: "Spreadsheet", dependencies: ["CExpat", "CZip", "OwnerThread"]),
        // 3: the engine's two stores, providers' protocols
        .target(name: "Channels", dependencies: ["Curl", "Observability", crypto, logging]),
        .target(
            name: "JobsPostgres", dependencies: ["Jobs", "OwnerThread", "Postgres", lifecycle, logging, metrics],
            resources: [.embedInCode("SQL")]),
        .target(
            name: "JobsRedis", dependencies: ["Jobs", "OwnerThread", "Redis", logging],
            resources: [.embedInCode("Lua")]),
        // 4: what the world asks, what the business does
        .target(
            name: "API",
            dependencies: [
                "CRM", "Jobs", "Observability", "OwnerThread", asyncAlgorithms, crypto, httpTypes, hummingbird,
                lifecycle, logging, metrics, nioCore, nioHTTP1, nioHTTPTypes,
            ]),
        .target(
            name: "CRM",
            dependencies: [
                "Channels", "Jobs", "JobsPostgres", "Observability", "OwnerThread", "Postgres", "Spreadsheet", crypto,
                lifecycle, logging, metrics,
            ],
            resources: [.embedInCode("SQL")]),
        // 5: wiring, configuration, command line
        .executableTarget(
            name: "PaidanCommand",
            dependencies: [
                "API", "CRM", "Channels", "Curl", "Jobs", "JobsPostgres", "JobsRedis", "Observability", "OwnerThread",
                "Postgres", "Redis", "Spreadsheet", arguments, lifecycle, logging, metrics,
                nioCore, nioPosix, subprocess, system, toml,
            ]),
        // Tests
        .target(
            name: "TestSupport", dependencies: ["OwnerThread", "Postgres", "Redis", subprocess, system],
            path: "Tests/TestSupport"),
        .executableTarget(
            name: "Chaos",
            dependencies: [
                "Jobs", "JobsPostgres", "JobsRedis", "OwnerThread", "Postgres", "Redis", "TestSupport", arguments,
            ], path: "Tests/Chaos"),
        .testTarget(
            name: "APITests",
            dependencies: [
                "API", "CRM", "Curl", "Jobs", "JobsPostgres", "Observability", "OwnerThread", "PaidanCommand",
                "Postgres", "Redis", "TestSupport", httpTypes, lifecycle, logging,
            ]),
        .testTarget(
            name: "CRMTests",
            dependencies: [
                "CRM", "Channels", "Curl", "Jobs", "JobsPostgres", "Observability", "OwnerThread", "Postgres", "Redis",
                "Spreadsheet", "TestSupport", logging,
            ]),
        .testTarget(name: "ChannelsTests", dependencies: ["Channels", "Curl", "Observability", "TestSupport"]),
        .testTarget(name: "CurlTests", dependencies: ["Curl", "TestSupport"]),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "API", "CRM", "Curl", "Jobs", "JobsPostgres", "JobsRedis", "OwnerThread", "PaidanCommand", "Postgres",
                "Redis", "Spreadsheet", "TestSupport",
            ]),
        .testTarget(
            name: "JobsPostgresTests",
            dependencies: [
                "CRM", "Jobs", "JobsPostgres", "OwnerThread", "Postgres", "TestSupport", lifecycle, logging,
            ]),
        .testTarget(
            name: "JobsRedisTests",
            dependencies: ["Jobs", "JobsRedis", "OwnerThread", "Redis", "TestSupport", lifecycle, logging]),
        .testTarget(name: "JobsTests", dependencies: ["Jobs", "OwnerThread", "TestSupport", logging]),
        .testTarget(name: "ObservabilityTests", dependencies: ["Observability", "OwnerThread", coreMetrics, logging]),
        .testTarget(name: "OwnerThreadTests", dependencies: ["OwnerThread"]),
        .testTarget(
            name: "PaidanCommandTests",
            dependencies: [
                "CRM", "Channels", "Jobs", "Observability", "OwnerThread", "PaidanCommand", "Postgres", "Redis",
                "Spreadsheet", "TestSupport", lifecycle, logging, nioCore, nioPosix, subprocess, system,
            ]),
        .testTarget(name: "PostgresTests", dependencies: ["OwnerThread", "Postgres", "TestSupport"]),
        .testTarget(name: "RedisTests", dependencies: ["OwnerThread", "Redis", "TestSupport"]),
        .testTarget(name: "SpreadsheetTests", dependencies: ["Spreadsheet", "TestSupport"]),
    ]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"), .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .strictMemorySafety(), .treatAllWarnings(as: .error),
    ]
}
