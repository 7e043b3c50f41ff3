// swift-tools-version: 6.2
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
        "Torch", "TorchNN", "TokenModels", "MetricTokens", "TokenData", "Objectives", "Training", "Evaluation",
      ]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: ["FullFoundation"]),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.0.0"),
  ],
  targets: [
    // Dependencies point one way; docs/architecture.md draws the graph.
    .systemLibrary(name: "CTorch", pkgConfig: native + "/pc/ctorch.pc"),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .target(name: "CJPEG", linkerSettings: [.linkedLibrary("jpeg")]),
    library("Files", ["CZlib"]),
    library("Torch", ["CTorch", "Files"]),
    library("TorchNN", ["Torch", "Files"]),
    library("TokenModels", ["TorchNN", "Torch", "Files"]),
    library("MetricTokens"),
    library("TokenData", ["MetricTokens", "Files", "CPNG", "CJPEG"]),
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
    library("ModelImport", ["TokenModels", "TorchNN", "TokenData", "Files"]),
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
        "TokenModels",
        "Tabletop", "Objectives", "Files",
        "Reports", arguments,
      ],
      swiftSettings: settings),
    library("TestSupport", ["Torch", "Files"]),
    .executableTarget(
      name: "Fuzz", dependencies: ["Server", "Recipes", "ModelImport", "TokenData", "Files"], swiftSettings: settings),

    tests("Files", ["Files", "TestSupport"]),
    tests("Torch", ["Torch", "TestSupport"]),
    tests("TorchNN", ["TorchNN", "Torch", "TestSupport"]),
    tests("TokenModels", ["TokenModels", "TorchNN", "Torch", "Files", "TestSupport"]),
    tests("MetricTokens", ["MetricTokens", "TestSupport"]),
    tests("TokenData", ["TokenData", "MetricTokens", "Files", "TestSupport"]),
    tests("Tabletop", ["Tabletop", "MetricTokens", "Files"]),
    tests("Objectives", ["Objectives", "MetricTokens", "Torch", "TestSupport"]),
    tests(
      "Training",
      ["Training", "TokenModels", "TorchNN", "Torch", "MetricTokens", "Objectives", "Files", "TestSupport"]),
    tests(
      "Evaluation", ["Evaluation", "TokenModels", "TorchNN", "Torch", "Files", "MetricTokens", "TestSupport"]),
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
