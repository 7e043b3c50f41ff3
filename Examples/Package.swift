// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// Small programs that use dist2 as any other package would: by path here, by URL elsewhere (then set DIST2_NATIVE to
// a built `.native` folder of dist2).
let package = Package(
  name: "Examples",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "dist2", path: "..")],
  targets: [
    .executableTarget(name: "targets", dependencies: [.product(name: "Dist2", package: "dist2")]),
    .executableTarget(name: "custom-architecture", dependencies: [.product(name: "Dist2", package: "dist2")]),
    .executableTarget(
      name: "custom-distance",
      dependencies: [.product(name: "Dist2", package: "dist2"), .product(name: "Dist2Recipes", package: "dist2")]),
  ],
  swiftLanguageModes: [.v6]
)
