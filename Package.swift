// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// The native library is built once by `make native`. SwiftPM takes an absolute path to its .pc file, so that
// `swift build`, `swift run` and `swift test` need neither flags nor environment. A package fetched by git has
// no `.native` folder of its own: there DIST2_NATIVE names the one to use.
let native = Context.environment["DIST2_NATIVE"] ?? Context.packageDirectory + "/.native"

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .treatAllWarnings(as: .error),
]

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name + "Tests", dependencies: dependencies, swiftSettings: settings)
}

// Hummingbird, and those of the packages below it whose types our server names.
let http: [Target.Dependency] = [
  .product(name: "Hummingbird", package: "hummingbird"),
  .product(name: "HummingbirdCore", package: "hummingbird"),
  .product(name: "HTTPTypes", package: "swift-http-types"),
  .product(name: "NIOCore", package: "swift-nio"),
  .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
  .product(name: "Logging", package: "swift-log"),
  .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
  .product(name: "UnixSignals", package: "swift-service-lifecycle"),
]
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "dist2",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "dist2", targets: ["dist2"]),
    .library(
      name: "Dist2",
      targets: [
        "Files", "Torch", "TorchNN", "TokenModels", "MetricTokens", "Jinja", "TokenData", "Objectives", "Training",
        "Evaluation",
      ]),
    // Runs from a program: settings, training, reports (docs/run-files.md).
    .library(name: "Dist2Recipes", targets: ["Recipes", "Reports"]),
  ],
  // Within one minor version each, since a build must not change by itself: bug fixes come in, new behaviour by a commit that
  // raises the pin. docs/dependencies.md says why each is used and what is written by hand instead.
  dependencies: [
    // The command line.
    .package(url: "https://github.com/apple/swift-argument-parser", .upToNextMinor(from: "1.8.2")),
    // Run files.
    .package(url: "https://github.com/jpsim/Yams", .upToNextMinor(from: "6.2.2")),
    // The reward server, without its reading of configurations, and the packages below it whose types it names.
    .package(
      url: "https://github.com/hummingbird-project/hummingbird", .upToNextMinor(from: "2.28.1"),
      traits: ["FullFoundation"]),
    .package(url: "https://github.com/apple/swift-nio", .upToNextMinor(from: "2.101.2")),
    .package(url: "https://github.com/apple/swift-nio-extras", .upToNextMinor(from: "1.35.2")),
    .package(url: "https://github.com/apple/swift-http-types", .upToNextMinor(from: "1.8.0")),
    // Its log; 1.16 has handlers that take a whole event.
    .package(url: "https://github.com/apple/swift-log", .upToNextMinor(from: "1.16.2")),
    // Its start and orderly end.
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", .upToNextMinor(from: "2.13.0")),
  ],
  targets: [
    // Dependencies point one way; docs/architecture.md draws the graph.
    .systemLibrary(name: "CTorch", pkgConfig: native + "/pc/ctorch.pc"),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .target(name: "CJPEG", linkerSettings: [.linkedLibrary("jpeg")]),
    library("Files", ["CZlib"]),
    library("Jinja", ["Files"]),
    library("Torch", ["CTorch", "Files"]),
    library("TorchNN", ["Torch", "Files"]),
    library("TokenModels", ["TorchNN", "Torch", "Files"]),
    library("MetricTokens"),
    library("TokenData", ["MetricTokens", "Files", "Jinja", "CPNG", "CJPEG"]),
    library("Tabletop", ["MetricTokens", "Files"]),
    library("Objectives", ["Torch", "MetricTokens"]),
    library("Training", ["TorchNN", "Torch", "MetricTokens", "Objectives", "Files"]),
    library("Evaluation", ["TorchNN", "Torch", "MetricTokens"]),
    library("Reports", ["Files"]),
    library(
      "Recipes",
      [
        "Files", "Torch", "TorchNN", "TokenModels", "MetricTokens", "TokenData", "Objectives", "Training",
        "Evaluation", "Reports", .product(name: "Yams", package: "Yams"),
      ]),
    library("ModelImport", ["TokenModels", "TorchNN", "Torch", "TokenData", "Files"]),
    library(
      "TaskData",
      [
        "Recipes", "Tabletop", "Files", "TorchNN", "TokenModels", "MetricTokens", "TokenData", "Evaluation", "Reports",
      ]),
    library(
      "Experiments",
      [
        "Recipes", "TaskData", "Tabletop", "Files", "Torch", "TorchNN", "TokenModels", "MetricTokens", "TokenData",
        "Objectives", "Training", "Evaluation", "Reports",
      ]),
    library("Server", ["Recipes", "TokenData", "Files"] + http),
    .executableTarget(
      name: "dist2",
      dependencies: [
        "Server", "Recipes", "ModelImport", "Experiments", "TaskData", "Training", "Evaluation", "TokenData",
        "TokenModels", "Torch",
        "Tabletop", "Objectives", "Files",
        "Reports", arguments, .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings),
    library("TestSupport", ["Torch", "Files"]),
    .executableTarget(
      name: "Fuzz", dependencies: ["Server", "Recipes", "ModelImport", "TokenData", "Jinja", "Files"],
      swiftSettings: settings),

    tests("Files", ["Files", "TestSupport"]),
    tests("Jinja", ["Jinja", "Files"]),
    tests("Torch", ["Torch", "TestSupport"]),
    tests("TorchNN", ["TorchNN", "Torch", "TestSupport"]),
    tests("TokenModels", ["TokenModels", "Evaluation", "TorchNN", "Torch", "Files", "TestSupport"]),
    tests("MetricTokens", ["MetricTokens", "TestSupport"]),
    tests("TokenData", ["TokenData", "MetricTokens", "Files", "TestSupport"]),
    tests("Tabletop", ["Tabletop", "MetricTokens", "Files"]),
    tests("Objectives", ["Objectives", "MetricTokens", "Torch", "TestSupport"]),
    tests(
      "Training",
      ["Training", "TokenModels", "TorchNN", "Torch", "MetricTokens", "Objectives", "Files", "TestSupport"]),
    tests(
      "Evaluation", ["Evaluation", "TokenModels", "TorchNN", "Torch", "Files", "MetricTokens", "TestSupport"]),
    // As on a GPU: in a process of their own, with DIST2_STAND_IN=1 (scripts/test.sh).
    tests(
      "StandIn",
      [
        "Training", "Evaluation", "TokenModels", "TorchNN", "Torch", "MetricTokens", "Objectives", "Files",
        "TestSupport",
      ]),
    tests("Reports", ["Reports", "Files", "TestSupport"]),
    tests(
      "Recipes",
      [
        "Recipes", "ModelImport", "Experiments", "TaskData", "Reports", "Files", "Torch", "TorchNN", "TokenModels",
        "MetricTokens",
        "TokenData", "Objectives", "Training", "Evaluation", "Tabletop", "TestSupport",
      ]),
    tests(
      "Server",
      [
        "Server", "Recipes", "TokenData", "Files", "TestSupport",
      ] + http),
  ],
  swiftLanguageModes: [.v6]
)
