// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// Expected values are those of the networks' PyTorch modules with weights of a formula, which stands in
/// `Tests/Fixtures/imagemetrics/make.py` too.
@Suite struct FeatureNetworkTests {
  private static let fixture = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "../../Fixtures/imagemetrics/networks.safetensors"
  ).standardized.path

  private func expected(_ name: String) throws -> Tensor {
    try Tensor(#require(try SafetensorsFile(Self.fixture)[name]), copying: true)
  }

  /// Numbers of [0, 1) that look random.
  static func noise(_ count: Int, _ phase: Double) -> Tensor {
    let x = (Tensor.arange(0, Double(count), dtype: .float64) * 12.9898 + phase * 78.233).sin() * 43758.5453
    return x - x.floor()
  }

  static func images(_ count: Int, _ height: Int, _ width: Int, _ channels: Int) -> Tensor {
    (noise(count * height * width * channels, 0.5) * 256).floor().to(.uint8).reshape([count, height, width, channels])
  }

  /// A weight of the formula, by its place among all names.
  static func weight(_ name: String, _ shape: [Int], index: Int) -> Tensor {
    let values = (noise(shape.reduce(1, *), Double(index + 1)) - 0.5).reshape(shape)
    if name.hasSuffix("running_var") { return (values + 1).to(.float32) }
    if shape.count > 1 {
      return (values * (24 / Double(shape.dropFirst().reduce(1, *))).squareRoot()).to(.float32)
    }
    return (values * 0.2 + (name.contains("bn") && name.hasSuffix("weight") ? 1 : 0)).to(.float32)
  }

  /// Writes a network's folder with weights of the formula.
  static func write(
    _ shapes: [String: [Int]], config: JSON, to folder: String, metadata: [String: String] = [:]
  ) throws {
    try makeFolders(folder)
    let names = shapes.keys.sorted()
    let sources = names.enumerated().map { index, name in
      SafetensorsSource(name: name, tensor: weight(name, shapes[name]!, index: index))
    }
    try SafetensorsWriter.write(sources, to: folder + "/model.safetensors", metadata: metadata)
    try AtomicFile.write(config.text().utf8, to: folder + "/config.json")
  }

  private func check(_ found: ImageFeatureBatch, _ name: String) throws {
    for (kind, tensor) in [("pooled", found.pooled), ("spatial", found.spatial), ("logs", found.logProbabilities)] {
      guard let tensor else { continue }
      let wanted = try expected("\(name).\(kind)")
      let error = difference(tensor, wanted)
      #expect(error <= 2e-5 * wanted.abs().max().item(), "\(kind) is off by \(error)")
      // What tells the images apart is small against the values, and must be right too.
      let gap = (wanted - wanted.mean(0)).abs().max().item()
      #expect(error <= 2e-3 * gap, "\(kind): \(error) of \(gap)")
    }
  }

  @Test func smallClassifierEqualsPyTorch() throws {
    let temporary = try TemporaryFolder()
    let shapes = [
      "first.weight": [32, 1, 5, 5], "first.bias": [32], "second.weight": [64, 32, 3, 3], "second.bias": [64],
      "third.weight": [128, 64, 3, 3], "third.bias": [128], "features.weight": [128, 6272], "features.bias": [128],
      "classes.weight": [10, 128], "classes.bias": [10],
    ]
    let config: JSON = ["model_type": "small-image-classifier", "num_labels": 10, "origin": "a formula"]
    try Self.write(shapes, config: config, to: temporary.path + "/small")
    let network = try loadImageFeatures(folder: temporary.path + "/small")
    #expect(network.name == "small classifier, a formula")
    #expect(!network.isReferenceInception)
    try check(network.features(of: Self.images(3, 28, 28, 1)), "small")
    #expect(throws: InputError.self) { try network.check(height: 32, width: 32, path: "x") }

    let stored = try #require(network as? SmallImageClassifier)
    try stored.save(to: temporary.path + "/copy", origin: "a copy")
    let copy = try loadImageFeatures(folder: temporary.path + "/copy")
    #expect(copy.name == "small classifier, a copy")
    try check(copy.features(of: Self.images(3, 28, 28, 1)), "small")
  }

  @Test func efficientNetEqualsPyTorch() throws {
    let temporary = try TemporaryFolder()
    try Self.write(efficientNetShapes(), config: ["model_type": "efficientnet-lite0"], to: temporary.path + "/lite")
    let network = try loadImageFeatures(folder: temporary.path + "/lite")
    try check(network.features(of: Self.images(2, 40, 50, 3)), "lite")
  }

  @Test func inceptionEqualsTorchFidelity() throws {
    let temporary = try TemporaryFolder()
    let config: JSON = ["model_type": "fid-inception-v3"]
    try Self.write(
      inceptionShapes(), config: config, to: temporary.path + "/fid", metadata: ["source_sha256": "0123"])
    let network = try loadImageFeatures(folder: temporary.path + "/fid")
    #expect(!network.isReferenceInception)
    #expect(network.name.contains("other weights"))
    try check(network.features(of: Self.images(2, 40, 50, 3)), "inception")
  }

  @Test func wrongFoldersAreRefused() throws {
    let temporary = try TemporaryFolder()
    let folder = temporary.path + "/net"
    func refusal() -> String {
      do {
        _ = try loadImageFeatures(folder: folder)
        return "nothing"
      } catch { return "\(error)" }
    }
    #expect(refusal().contains("config.json"))
    try Self.write(["a": [2]], config: ["model_type": "resnet"], to: folder)
    #expect(refusal().contains("fid-inception-v3"))
    #expect(refusal().contains("resnet"))
    try Self.write(["_fc.weight": [5, 1280]], config: ["model_type": "efficientnet-lite0"], to: folder)
    #expect(refusal().contains("missing"))
    let config: JSON = ["model_type": "small-image-classifier", "num_labels": 0, "origin": ""]
    try Self.write(["a": [2]], config: config, to: folder)
    #expect(refusal().contains("2 ... 10000"))
  }

  // MARK: Shapes, as the published files have them

  private func unit(_ conv: String, _ norm: String, _ shape: [Int], into shapes: inout [String: [Int]]) {
    shapes[conv + ".weight"] = shape
    for name in ["weight", "bias", "running_mean", "running_var"] { shapes["\(norm).\(name)"] = [shape[0]] }
  }

  private func efficientNetShapes() -> [String: [Int]] {
    var shapes: [String: [Int]] = ["_fc.weight": [1000, 1280], "_fc.bias": [1000]]
    unit("_conv_stem", "_bn0", [32, 3, 3, 3], into: &shapes)
    unit("_conv_head", "_bn1", [1280, 320, 1, 1], into: &shapes)
    // Channels in, channels within, kernel, channels out of each block.
    let blocks = [
      (32, 32, 3, 16), (16, 96, 3, 24), (24, 144, 3, 24), (24, 144, 5, 40), (40, 240, 5, 40), (40, 240, 3, 80),
      (80, 480, 3, 80), (80, 480, 3, 80), (80, 480, 5, 112), (112, 672, 5, 112), (112, 672, 5, 112),
      (112, 672, 5, 192), (192, 1152, 5, 192), (192, 1152, 5, 192), (192, 1152, 5, 192), (192, 1152, 3, 320),
    ]
    for (index, (input, inner, kernel, output)) in blocks.enumerated() {
      let block = "_blocks.\(index)."
      if inner > input { unit(block + "_expand_conv", block + "_bn0", [inner, input, 1, 1], into: &shapes) }
      unit(block + "_depthwise_conv", block + "_bn1", [inner, 1, kernel, kernel], into: &shapes)
      unit(block + "_project_conv", block + "_bn2", [output, inner, 1, 1], into: &shapes)
    }
    return shapes
  }

  private func inceptionShapes() -> [String: [Int]] {
    var shapes: [String: [Int]] = ["fc.weight": [1008, 2048], "fc.bias": [1008]]
    for line in inceptionUnits.split(separator: "\n") {
      let parts = line.split(separator: " ")
      let sizes = parts[1].split(separator: "x").map { Int($0)! }
      unit("\(parts[0]).conv", "\(parts[0]).bn", sizes, into: &shapes)
    }
    return shapes
  }
}
