public import Files
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
/// - Parameter folder: `config.json` and `model.safetensors`, as ``SmallImageClassifier/save(to:replacing:)`` writes them
///   or `scripts/convert_features.py` makes them of published weights.
/// - Throws: `InputError` naming file, key or tensor: no such folder, an unknown network, weights that do not fit.
public func loadImageFeatures(folder: String) throws -> any ImageFeatures {
  let config = try JSONReader(file: folder + "/config.json", limit: 1 << 20)
  let type = try config.at("model_type")
  let name = try type.string()
  guard let network = networks.first(where: { $0.modelType == name }) else {
    throw type.error(expected: networks.map(\.modelType).joined(separator: ", "), found: name)
  }
  return try network.init(folder: folder, config: config)
}

extension StoredImageFeatures {
  fileprivate init(folder: String, config: JSONReader) throws {
    try self.init(config: config)
    let weights = try CheckpointWeights(folder: folder)
    try load(from: RenamedWeights(weights, Self.parameterName), dtype: .float32, checkingValues: true)
    describe(try SafetensorsFile(folder + "/" + SafetensorsFolder.fileName).metadata)
  }
}

/// Pictures `[N, H, W, C]` uint8 as floats `[N, C, H, W]` of 0 … 255.
func planes(_ images: Tensor) -> Tensor { images.permute([0, 3, 1, 2]).to(.float32).contiguous() }
