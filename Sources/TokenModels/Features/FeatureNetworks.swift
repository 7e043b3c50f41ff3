// SPDX-License-Identifier: Apache-2.0
import Files
import Torch
public import TorchNN

/// A network for image metrics that lives in a folder: `config.json` with `model_type`, and `model.safetensors`.
protocol StoredImageFeatures: ImageFeatures, Module {
  /// The value of `model_type` that means it.
  static var modelType: String { get }
  /// The network, its parameters without memory.
  init(config: JSONReader) throws(InputError)
  /// The name of the parameter that takes a tensor of the file; nil for a tensor without use.
  static func parameterName(_ tensor: String) -> String?
  /// Told what the weights' file says of itself.
  func describe(_ metadata: [String: String])
}

/// Every network. To add one: its file, and its type here.
private let networks: [any StoredImageFeatures.Type] = [
  SmallImageClassifier.self, EfficientNetLite0.self, FIDInception.self,
]

/// Opens a network for image metrics.
///
/// - Parameter folder: `config.json` and `model.safetensors`, as `SmallImageClassifier/save(to:replacing:)` writes them
///   or `scripts/convert_features.py` makes them of published weights.
/// - Throws: `InputError` naming file, key or tensor: no such folder, an unknown network, weights that do not fit.
public func loadImageFeatures(folder: String) throws -> any ImageFeatures {
  let config = try JSONReader(file: folder + "/config.json", limit: 1 << 20)
  let type = try config.at("model_type")
  let name = try type.string()
  guard let network = networks.first(where: { $0.modelType == name }) else {
    throw type.error(expected: networks.map { $0.modelType }.joined(separator: ", "), found: name)
  }
  return try open(network, folder: folder, config: config)
}

private func open<Network: StoredImageFeatures>(
  _: Network.Type, folder: String, config: JSONReader
) throws -> any ImageFeatures {
  let network = try Network(config: config)
  let weights = try CheckpointWeights(folder: folder)
  try network.load(
    from: RenamedWeights(weights, Network.parameterName), dtype: .float32, checkingValues: true)
  network.describe(try SafetensorsFile(folder + "/" + SafetensorsFolder.fileName).metadata)
  return network
}

/// Images `[N, H, W, C]` uint8 as floats `[N, C, H, W]` of 0 … 255.
func planes(_ images: Tensor) -> Tensor { images.permute([0, 3, 1, 2]).to(.float32).contiguous() }
