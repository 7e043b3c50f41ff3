// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who only uses dist2 builds it. One executable for each thing measured; the scripts
// beside them measure the peers, interleaved.
let package = Package(
  name: "Benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "dist2", path: "..")],
  targets: [
    .executableTarget(name: "tokenizer-bench", dependencies: [.product(name: "Dist2", package: "dist2")])
  ],
  swiftLanguageModes: [.v6]
)
