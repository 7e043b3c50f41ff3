// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// A model that lives in a Hugging Face folder: `config.json`, `model.safetensors` or its shards, a tokenizer.
public protocol PretrainedModel: TokenModel {
  /// The values of `model_type` in `config.json` that mean this architecture.
  static var modelTypes: [String] { get }

  /// Whether these values of `architectures` in `config.json`, of which there may be none, mean this one; asked where
  /// several share a `model_type`. True by default.
  static func isMeant(by architectures: [String]) -> Bool

  /// A model of this configuration whose parameters have no memory yet.
  ///
  /// - Throws: `InputError` for an option that is not supported.
  init(config: JSONReader) throws(InputError)

  /// Gives every parameter a random initial value, drawn from the generator.
  func initialise(generator: Generator, dtype: DType, device: Device)

  /// `config.json`, with the keys this library has no use for.
  var configurationJSON: JSON { get }

  /// Whether training keeps only what enters each layer and computes the rest again in the backward pass: less
  /// memory (of sixteen layers, 0.4 of a step's peak) for one more forward pass. Values and gradients are the same.
  var checkpointsActivations: Bool { get set }

  /// The checkpoint's tensors under the names of this model's parameters, without those it has no use for.
  func adapting(_ source: any WeightSource) throws -> any WeightSource

  /// A parameter as checkpoints of this architecture hold it, where ``adapting(_:)`` changes more than its name; by
  /// default as it is.
  func stored(_ tensor: Tensor, as name: String) -> Tensor

  /// A parameter's name in checkpoints of this architecture, where ``adapting(_:)`` reads several layouts; by default
  /// its own.
  func storedName(_ name: String) -> String
}

/// How weights are brought into memory.
public struct LoadOptions: Sendable, Hashable {
  /// Element type of the parameters; nil for that of the file.
  public var dtype: DType?
  /// Where the parameters shall live.
  public var device: Device
  /// Whether to read the weights into memory of their own rather than map the file. Mapped weights are there at once
  /// and can be trained too (a page is copied when it is first written to; the file never changes).
  public var copying: Bool
  /// Whether to refuse NaN and infinite weights, which costs a pass over all of them.
  public var checkingValues: Bool
  /// How the weights of linear layers are stored, which then are frozen (QLoRA); nil: as they are. They are read from the
  /// mapped file layer by layer, so that the whole is never in memory.
  public var quantization: QuantizationSettings?

  /// Memberwise.
  public init(
    dtype: DType? = nil, device: Device = .cpu, copying: Bool = false, checkingValues: Bool = false,
    quantization: QuantizationSettings? = nil
  ) {
    (self.dtype, self.device, self.copying, self.checkingValues) = (dtype, device, copying, checkingValues)
    self.quantization = quantization
  }
}

/// Opens the model in a Hugging Face folder, whatever its architecture.
///
/// - Throws: `InputError` naming file, key or tensor: no such folder, an unsupported architecture or option, weights
///   that do not fit.
public func loadModel(folder: String, options: LoadOptions = LoadOptions()) throws -> any PretrainedModel {
  try loadModel(folder: folder, options: options, progress: nil)
}

/// Part of bringing a model into memory.
package enum LoadStage: Sendable {
  /// Tensors are read.
  case reading
  /// Linear layers are made codes.
  case quantizing
}

/// Told how much of a stage is done.
package typealias LoadProgress = (_ stage: LoadStage, _ done: Int, _ of: Int) -> Void

/// As ``loadModel(folder:options:)``, telling how far it has come.
package func loadModel(
  folder: String, options: LoadOptions, progress: LoadProgress?
) throws -> any PretrainedModel {
  let model = try describeModel(folder: folder)
  try model.loadWeights(folder: folder, options: options, progress: progress)
  return model
}

/// The model in a Hugging Face folder without its weights: shapes, vocabulary, context length.
///
/// - Throws: `InputError` naming file and key: no such folder, an unsupported architecture or option.
public func describeModel(folder: String) throws -> any PretrainedModel {
  let config = try JSONReader(file: folder + "/config.json", limit: 1 << 24)
  let name = try config.at("model_type")
  let type = try name.string()
  let classes = try config.ifPresent("architectures")?.elements().map { try $0.string() } ?? []
  guard let architecture = ArchitectureRegistry.architecture(type, classes: classes) else {
    if ArchitectureRegistry.modelTypes.contains(type) {
      throw try config.at("architectures").error(expected: "a language model, which alone is supported of \(type)")
    }
    throw name.error(expected: "one of " + ArchitectureRegistry.modelTypes.joined(separator: ", "))
  }
  return try withTorchErrors { try architecture.init(config: config) }
}

extension PretrainedModel {
  /// True: `model_type` alone decides.
  public static func isMeant(by architectures: [String]) -> Bool { true }

  /// As it is.
  public func stored(_ tensor: Tensor, as name: String) -> Tensor { tensor }

  /// Its own.
  public func storedName(_ name: String) -> String { name }

  /// Opens the model in a Hugging Face folder.
  public init(folder: String, options: LoadOptions = LoadOptions()) throws {
    let config = try JSONReader(file: folder + "/config.json", limit: 1 << 24)
    if let type = try config.ifPresent("model_type"), !Self.modelTypes.contains(try type.string()) {
      throw type.error(expected: Self.modelTypes.joined(separator: " or "))
    }
    try self.init(config: config)
    try loadWeights(folder: folder, options: options)
  }

  fileprivate func loadWeights(folder: String, options: LoadOptions, progress: LoadProgress? = nil) throws {
    let reading = progress.map { tell in { tell(.reading, $0, $1) } }
    guard let quantization = options.quantization else {
      let weights = try adapting(CheckpointWeights(folder: folder, copying: options.copying))
      return try load(
        from: weights, dtype: options.dtype, device: options.device, checkingValues: options.checkingValues,
        progress: reading)
    }
    try load(
      from: adapting(CheckpointWeights(folder: folder)), checkingValues: options.checkingValues, progress: reading)
    try withTorchErrors {
      try quantize(
        quantization, dtype: options.dtype, device: options.device, path: "quantize",
        progress: progress.map { tell in { tell(.quantizing, $0, $1) } })
    }
  }
}
