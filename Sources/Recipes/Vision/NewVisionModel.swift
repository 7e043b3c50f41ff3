// SPDX-License-Identifier: Apache-2.0
import Files
import TokenData
public import TokenModels
import Torch
import TorchNN

/// A small vision-language model to train from: a randomly initialised vision transformer and a randomly initialised
/// projector before a language model that is there already.
///
/// The folder is a LLaVA folder, which transformers reads as well. The tokenizer gets a token `<image>`; the embeddings
/// of new ids are the mean of all others, as is usual, so that their logits are too.
public struct NewVisionModel: Sendable {
  /// Sizes of the vision transformer.
  public var vision: VisionConfiguration
  /// Seed of the randomly initialised weights.
  public var seed: UInt64
  /// How images are shown in prompts.
  public static let mark = "<image>"

  /// Memberwise. The default has 5 million parameters and makes 100 tokens of an image.
  public init(
    vision: VisionConfiguration = VisionConfiguration(
      hiddenSize: 256, intermediateSize: 1024, layers: 6, heads: 4, imageSize: 160, patchSize: 16),
    seed: UInt64 = 0
  ) {
    (self.vision, self.seed) = (vision, seed)
  }

  /// Makes the folder.
  ///
  /// - Parameters:
  ///   - language: folder of a language model of the Llama family, or its name in the cache.
  ///   - folder: the folder to make; it appears whole or not at all.
  ///   - replacing: whether a folder of that name may be there.
  /// - Returns: parameters of the vision transformer with the projector, and of the whole.
  /// - Throws: `InputError` for sizes that do not fit, a language model of another architecture, a folder that cannot
  ///   be written.
  @discardableResult
  public func write(
    language: String, to folder: String, replacing: Bool = false
  ) throws -> (randomlyInitialized: Int, all: Int) {
    let base = try modelFolder(language)
    let tokenizer = try Tokenizer(folder: base)
    let token = tokenizer.id(of: Self.mark).map(Int.init) ?? tokenizer.count
    let (model, weights) = try parts(base, token: token)
    try requireMemory(
      bytes: 4 * numberCount(model), path: folder, for: "weights of these sizes",
      remedy: "Take a smaller --width or fewer --layers.")
    try withTorchErrors { try model.initialise(language: weights, generator: Generator(seed: seed)) }
    try model.save(to: folder, tokenizer: base, replacing: replacing) { partial in
      if tokenizer.id(of: Self.mark) == nil { try addToken(token, in: partial) }
      let preparation = ImagePreparation(side: vision.imageSize, distorting: true)
      try write(preparation.json, to: partial + "/preprocessor_config.json")
      let processor: JSON = [
        "processor_class": "LlavaProcessor", "image_token": .string(Self.mark), "patch_size": .int(vision.patchSize),
        "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1,
      ]
      try write(processor, to: partial + "/processor_config.json")
      // What was written must be what was meant.
      _ = try ImageTokens(folder: partial, Tokenizer(folder: partial), model)
    }
    let all = model.parameters().reduce(0) { $0 + $1.tensor.count }
    let old = model.parameters().filter { $0.key.hasPrefix("language_model.") }.reduce(0) { $0 + $1.tensor.count }
    return (all - old, all)
  }

  /// The model without weights, and those of its decoder.
  private func parts(_ base: String, token: Int) throws -> (Llava, any WeightSource) {
    let config = try JSONReader(file: base + "/config.json", limit: 1 << 24)
    guard Llava.languageTypes.contains(try config.string(at: "model_type")) else {
      throw try config.at("model_type").error(expected: Llava.languageTypes.joined(separator: " or "))
    }
    let vocabulary = try config.int(at: "vocab_size")
    // A multiple of 64 suits the matrix products.
    let rows = token < vocabulary ? vocabulary : (token / 64 + 1) * 64
    // Read back, so that sizes are judged as those of any folder.
    let vision = try VisionConfiguration(JSONReader(self.vision.json, path: "vision"))
    let json = LlavaConfiguration(vision: vision, imageToken: token)
      .json(language: config.value.replacing("vocab_size", with: .int(rows)))
    let weights = GrownVocabulary(try CheckpointWeights(folder: base), from: vocabulary, to: rows)
    return (try withTorchErrors { try Llava(config: JSONReader(json, path: "config.json")) }, weights)
  }

  /// Adds the image token to a folder's tokenizer.
  private func addToken(_ id: Int, in folder: String) throws {
    func token(_ more: [(String, JSON)]) -> JSON {
      var object = JSONObject()
      for (key, value) in more { object[key] = value }
      object["content"] = .string(Self.mark)
      for key in ["single_word", "lstrip", "rstrip", "normalized"] { object[key] = false }
      object["special"] = true
      return .object(object)
    }
    let path = folder + "/tokenizer.json", file = try JSONReader(file: path)
    let tokens = try file.ifPresent("added_tokens")?.array() ?? []
    try write(file.value.replacing("added_tokens", with: .array(tokens + [token([("id", .int(id))])])), to: path)
    let options = folder + "/tokenizer_config.json"
    guard fileExists(options) else { return }
    let old = try JSONReader(file: options).value
    let listed = (old["added_tokens_decoder"] ?? .object(JSONObject())).replacing("\(id)", with: token([]))
    try write(
      old.replacing("added_tokens_decoder", with: listed).replacing("image_token", with: .string(Self.mark)),
      to: options)
  }

  private func write(_ json: JSON, to path: String) throws {
    try AtomicFile.write(json, to: path)
  }
}

/// A checkpoint whose tables have more rows: each new one is the mean of the old ones.
private struct GrownVocabulary: WeightSource {
  private static let tables: Set = ["model.embed_tokens.weight", "lm_head.weight"]
  private let base: any WeightSource
  private let old: Int, new: Int

  init(_ base: any WeightSource, from old: Int, to new: Int) { (self.base, self.old, self.new) = (base, old, new) }

  var path: String { base.path }
  var names: [String] { base.names }

  func entry(_ name: String) -> WeightEntry? {
    var entry = base.entry(name)
    if grows(name) { entry?.shape[0] = new }
    return entry
  }

  func tensor(_ name: String) throws -> Tensor {
    let tensor = try base.tensor(name)
    guard grows(name) else { return tensor }
    let table = tensor.to(.float32), mean = table.mean(0, keepDim: true)
    return Tensor.cat([table, mean.expand([new - old, table.size(1)])]).to(tensor.dtype)
  }

  private func grows(_ name: String) -> Bool {
    new > old && Self.tables.contains(name) && base.entry(name)?.shape.first == old
  }
}
