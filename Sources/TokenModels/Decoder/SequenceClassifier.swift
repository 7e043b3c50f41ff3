// SPDX-License-Identifier: Apache-2.0
public import Files
public import Torch
public import TorchNN

/// A decoder of any family of ``CausalLM`` with a head of K scores in the place of that of the vocabulary, stored as
/// transformers' `LlamaForSequenceClassification` and its like store it (`model.*`, `score.weight`).
///
///     scores = score · hidden        [K] at a document's last token
///
/// With K = 1 it is the usual reward model. transformers reads a padded row out at the last token that is not
/// `pad_token_id`, so no document may end with that one.
public final class SequenceClassifier: Module, PretrainedModel {
  /// The sizes and options of the decoder.
  public let configuration: DecoderConfiguration
  /// `config.json` as read, for writing the model back.
  public let configurationJSON: JSON
  /// Names of the scores, in order (`id2label`). Count K.
  public let labels: [String]
  /// `pad_token_id`; nil if there is none, and transformers then takes one document at a time.
  public let padToken: Int?
  @Child("model") private var decoder: Decoder
  @Child("score") private var score: Linear
  @OptionalChild("lm_head") private var output: Linear?
  /// Whether the projection onto the vocabulary is kept beside the scores (`text_head` of `config.json`, which
  /// transformers does not read).
  private let keepsTextHead: Bool

  private static let textHeadKey = "text_head"

  /// `model_type` of `config.json` that this model reads.
  public static let modelTypes = CausalLM.modelTypes
  /// Whether `architectures` of `config.json` name a classifier.
  public static func isMeant(by architectures: [String]) -> Bool {
    architectures.contains { $0.hasSuffix("ForSequenceClassification") }
  }

  /// The model of a `config.json`, without weights.
  ///
  /// - Throws: `InputError` for an option that is missing, wrong or unsupported.
  public convenience init(config: JSONReader) throws(InputError) {
    let configuration = try DecoderConfiguration(config), family = try DecoderFamily.of(config)
    guard family.hasClassifier else {
      throw try config.at("architectures").error(
        expected: "\(family.className)ForCausalLM: transformers has no head of scores for this model_type")
    }
    try self.init(Decoder(configuration), configuration, config)
  }

  private init(_ decoder: Decoder, _ configuration: DecoderConfiguration, _ config: JSONReader) throws(InputError) {
    (self.configuration, configurationJSON) = (configuration, config.value)
    labels = try config.labels()
    padToken = try config.ifPresent("pad_token_id")?.int()
    keepsTextHead = try config.ifPresent(Self.textHeadKey)?.bool() ?? false
    super.init()
    self.decoder = decoder
    if keepsTextHead, !configuration.tiesEmbeddings {
      output = Linear(configuration.hiddenSize, configuration.vocabularySize, bias: false, device: .meta)
    }
    score = Linear(configuration.hiddenSize, labels.count, bias: false, device: .meta)
  }

  /// Gives a language model's decoder (or another classifier's) a randomly initialised head. Both models then share the
  /// decoder's weights; the language model's head is not kept.
  ///
  /// The head is drawn from N(0, `initializer_range`), as transformers draws it: from zeros no gradient would reach the
  /// decoder in the first step.
  ///
  /// - Parameters:
  ///   - outputs: K, the number of scores.
  ///   - labels: what each is called; empty for transformers' `LABEL_0`, `LABEL_1`, ….
  ///   - padToken: `pad_token_id` of the new model; nil keeps that of the old.
  ///   - keepsTextHead: whether the language model's projection stays beside the scores, as ``textHead``.
  ///   - seed: of the head's values, drawn in float32 on the CPU and so the same everywhere.
  /// - Throws: `InputError` for a model of another architecture, or numbers that cannot be meant.
  public convenience init(
    from model: any PretrainedModel, outputs: Int, labels: [String] = [], padToken: Int? = nil,
    keepsTextHead: Bool = false, seed: UInt64
  ) throws(InputError) {
    precondition(model.adapters.isEmpty, "adapters are merged before a model gets another head")
    let (decoder, configuration): (Decoder, DecoderConfiguration)
    switch model {
    case let model as CausalLM: (decoder, configuration) = (model.decoder, model.configuration)
    case let model as SequenceClassifier: (decoder, configuration) = (model.decoder, model.configuration)
    default:
      throw InputError(
        path: "model", expected: "a decoder of " + CausalLM.modelTypes.joined(separator: ", "),
        found: "\(type(of: model))",
        remedy: "Other architectures cannot be given a head of scores.")
    }
    let names = labels.isEmpty ? (0..<max(outputs, 0)).map { "LABEL_\($0)" } : labels
    guard outputs > 0, names.count == outputs, Set(names).count == outputs else {
      throw InputError(
        path: "model", place: "outputs", expected: "a number from 1 on, and as many labels, all different",
        found: "\(outputs) outputs, labels \(names.joined(separator: ", "))")
    }
    let family = try DecoderFamily.of(JSONReader(model.configurationJSON, path: "config.json"))
    guard family.hasClassifier else {
      throw InputError(
        path: "model", expected: "a family that transformers has classifiers of", found: family.modelType,
        remedy: "Other architectures cannot be given a head of scores.")
    }
    var json = model.configurationJSON.ofClassifier(family, labels: names, padToken: padToken)
    json = try json.keepingTextHead(keepsTextHead, of: model, configuration, key: Self.textHeadKey)
    try self.init(decoder, configuration, JSONReader(json, path: "config.json"))
    let table = decoder.embedding.weight
    noGrad {
      let drawn = Tensor.empty([outputs, configuration.hiddenSize])
        .normal_(std: configuration.initialDeviation, generator: Generator(seed: seed))
      score.weight = drawn.to(table.device, dtype: table.dtype)
    }
    if let kept = (model as? CausalLM)?.head ?? model.textHead { output?.weight = kept.weight }
  }

  /// Gives the model in a Hugging Face folder a randomly initialised head; see
  /// ``init(from:outputs:labels:padToken:keepsTextHead:seed:)``.
  ///
  /// - Throws: `InputError` as that one, and as ``loadModel(folder:options:)``.
  public convenience init(
    from folder: String, outputs: Int, labels: [String] = [], padToken: Int? = nil, seed: UInt64,
    options: LoadOptions = LoadOptions()
  ) throws {
    let model = try loadModel(folder: folder, options: options)
    try self.init(from: model, outputs: outputs, labels: labels, padToken: padToken, seed: seed)
  }

  /// Whether blocks keep only their inputs in training and are computed again in the backward pass.
  public var checkpointsActivations: Bool {
    get { decoder.recomputesLayers }
    set { decoder.recomputesLayers = newValue }
  }
  /// Ids that the embedding has rows for.
  public var vocabularySize: Int { configuration.vocabularySize }
  /// Width H of the hidden states.
  public var hiddenSize: Int { configuration.hiddenSize }
  /// Longest sequence in tokens.
  public var contextLength: Int { configuration.contextLength }
  /// Sequences of more tokens than this have other angles (LongRoPE); nil for none.
  public var switchingLength: Int? { configuration.switchingLength }
  /// The scores' projection `[K, H]`.
  public var head: OutputHead { OutputHead(weight: score.weight) }
  /// The projection onto the vocabulary `[V, H]`, where it is kept.
  public var textHead: OutputHead? {
    guard keepsTextHead else { return nil }
    return OutputHead(weight: output?.weight ?? decoder.embedding.weight, cap: configuration.parts.logitCap)
  }
  /// The head: trained, and saved, with adapters.
  public var modulesToSave: [String] { ["score"] }

  /// Draws randomly initialised weights of this type on this device.
  public func initialise(generator: Generator, dtype: DType, device: Device) {
    initialise(
      standardDeviation: configuration.initialDeviation, generator: generator, dtype: dtype, device: device)
  }

  /// Final hidden states: `[N, H]` with `rows`, else `[B, T, H]`.
  public func hidden(_ input: ModelInput, cache: KeyValueCache?, rows: Tensor?) -> Tensor {
    decoder(decoder.embed(input.ids), input, cache: cache, rows: rows)
  }

  /// A cache for `batch` sequences of up to `capacity` tokens.
  public func makeCache(batch: Int, capacity: Int) -> KeyValueCache {
    decoder.makeCache(batch: batch, capacity: capacity)
  }

  /// Drops the rotary frequencies that old checkpoints hold.
  public func adapting(_ source: any WeightSource) -> any WeightSource {
    RenamedWeights(source) { $0.hasSuffix("rotary_emb.inv_freq") ? nil : $0 }
  }
}

extension JSONReader {
  /// Names of the scores, in order: `id2label`, or as many as `num_labels` says, or transformers' default of two.
  fileprivate func labels() throws(InputError) -> [String] {
    let count = try ifPresent("num_labels")
    guard let map = try ifPresent("id2label") else {
      let outputs = try count?.int() ?? 2
      guard (1...1 << 16).contains(outputs) else {
        throw child("num_labels", .int(outputs)).error(expected: "a whole number of 1 ... \(1 << 16)")
      }
      return (0..<outputs).map { "LABEL_\($0)" }
    }
    let object = try map.object()
    guard (1...1 << 16).contains(object.count) else { throw map.error(expected: "1 ... \(1 << 16) labels") }
    if let count, try count.int() != object.count {
      throw count.error(expected: "\(object.count), the number of labels in id2label")
    }
    var labels: [String] = []
    for index in 0..<object.count { labels.append(try map.string(at: "\(index)")) }
    return labels
  }
}

extension JSON {
  /// The configuration of a classifier that keeps its projection onto the vocabulary, or does not.
  ///
  /// - Throws: `InputError` for a model that has none, or whose logits have a factor of their own.
  fileprivate func keepingTextHead(
    _ keeps: Bool, of model: any PretrainedModel, _ configuration: DecoderConfiguration, key: String
  ) throws(InputError) -> JSON {
    guard case .object(var object) = self else { return self }
    object[key] = keeps ? .some(.bool(true)) : .none
    guard keeps, !(model is CausalLM && configuration.parts.logitScale == 1), model.textHead == nil else {
      return .object(object)
    }
    throw InputError(
      path: "model", expected: "a language model whose logits have no factor, to keep its last projection",
      found: "\(type(of: model))", remedy: "Start from the language model, or train preset bradleyTerry.")
  }

  /// A language model's `config.json` as that of a classifier whose scores are read as they are (`regression`:
  /// transformers' pipelines put no softmax over them).
  fileprivate func ofClassifier(_ family: DecoderFamily, labels: [String], padToken: Int?) -> JSON {
    guard case .object(var object) = self else { return self }
    object["architectures"] = [.string(family.className + "ForSequenceClassification")]
    var titles = JSONObject(), ids = JSONObject()
    for (index, label) in labels.enumerated() {
      titles["\(index)"] = .string(label)
      ids[label] = .int(index)
    }
    object["id2label"] = .object(titles)
    object["label2id"] = .object(ids)
    if object["num_labels"] != nil { object["num_labels"] = .int(labels.count) }
    object["problem_type"] = "regression"
    if let padToken { object["pad_token_id"] = .int(padToken) }
    return .object(object)
  }
}
