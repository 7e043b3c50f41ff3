// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// A package of its own, so that nobody who only uses dist2 builds it. One worker program with a file per operation;
// peers/ has the same operations in Python, suite/ asks both in turns.
let package = Package(
  name: "Benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "dist2", path: "..")],
  targets: [
    .executableTarget(name: "dist2-bench", dependencies: [.product(name: "Dist2", package: "dist2")])
  ],
  swiftLanguageModes: [.v6]
)
