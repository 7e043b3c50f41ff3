// SPDX-License-Identifier: Apache-2.0
public import Files
import TokenModels

/// Turns a GGUF file into a Hugging Face folder: Llama, Mistral, Qwen 2 and 3, Gemma 1 to 3, Phi-3, OLMo 2 and 3, Granite,
/// SmolLM3.
///
///     let model = try GGUFImport("SmolLM2-135M-Instruct.Q4_1.gguf")
///     let written = try model.write(to: "SmolLM2-135M-Instruct")
///
/// The folder holds what transformers, vLLM and dist2 read: `config.json`, `generation_config.json`,
/// `model.safetensors`, `tokenizer.json`, `tokenizer_config.json`.
public struct GGUFImport {
  /// The number formats that weights can be written in.
  public enum Precision: String, Sendable, CaseIterable {
    /// Every format's values exactly.
    case f32
    /// Half the size; the range of f32, 8 bits of precision.
    case bf16
    /// Half the size; 11 bits of precision, nothing beyond 65,504.
    case f16
  }

  /// Result.
  public struct Summary: Sendable {
    /// The folder.
    public var folder: String
    /// Names and sizes in bytes of the files in it.
    public var files: [(name: String, bytes: Int)]
  }

  /// The name that the file gives to the model, if any.
  public let name: String?
  /// The architecture's name in `config.json`.
  public let architecture: String
  /// The number of weights.
  public let parameterCount: Int
  /// The number of tokens.
  public let vocabularySize: Int
  /// Notes for the user.
  public let notes: [String]

  private let model: GGUFModel
  let tokenizer: GGUFTokenizer
  private let file: GGUFFile

  /// Reads everything but the weights themselves, so that what cannot be imported is refused at once.
  ///
  /// - Throws: `InputError` if the file is damaged, or its model or tokenizer is of a kind that dist2 does not know.
  public init(_ path: String) throws(InputError) {
    file = try GGUFFile(path)
    tokenizer = try GGUFTokenizer(file.metadata)
    model = try GGUFModel(of: file, endTokens: tokenizer.endTokens, beginToken: tokenizer.beginToken)
    architecture = model.family.className
    name = try file.metadata.string("general.name")
    vocabularySize = tokenizer.vocabulary.tokens.count
    guard vocabularySize <= model.configuration.vocabularySize else {
      throw file.metadata.error(
        GGUFVocabulary.tokensKey,
        expected: "at most the \(model.configuration.vocabularySize) rows of token_embd.weight",
        found: "\(vocabularySize) tokens")
    }
    parameterCount = model.weights.reduce(0) { $0 + $1.count }
    notes = tokenizer.notes
  }

  /// Writes the folder, whole or not at all.
  ///
  /// - Parameters:
  ///   - folder: the folder to make.
  ///   - precision: the format of the weights.
  ///   - replacing: whether a folder of that name may be there, to be replaced.
  ///   - maxShardBytes: where the weights are larger, they are cut into several files.
  ///   - progress: called with the number of weights done, many times.
  /// - Throws: `InputError` if a weight is not a finite number, does not fit the format, or the folder cannot be
  ///   written.
  public func write(
    to folder: String, precision: Precision = .f32, replacing: Bool = false, maxShardBytes: Int = 5_000_000_000,
    progress: (Int) -> Void = { _ in }
  ) throws -> Summary {
    if replacing { try requireReplaceableModel(folder) }
    return try AtomicFolder.write(to: folder, replacing: replacing) { partial in
      let documents: [(String, JSON)] = [
        ("config.json", configurationJSON(precision)), ("generation_config.json", generationJSON),
        ("tokenizer.json", tokenizer.json),
        ("tokenizer_config.json", tokenizer.configurationJSON(contextLength: model.configuration.contextLength)),
      ]
      for (name, json) in documents {
        try AtomicFile.write(json, to: partial + "/" + name)
      }
      try withoutActuallyEscaping(progress) { progress in
        var done = 0
        let sources = model.weights.map { weight in
          weight.source(precision) { count in
            done += count
            progress(done)
          }
        }
        try SafetensorsWriter.write(sources, toFolder: partial, maxShardBytes: maxShardBytes)
      }
      try file.file.checkUnchanged()
      let files = try names(inFolder: partial).map { name in
        (name: name, bytes: try fileSize(partial + "/" + name))
      }
      return Summary(folder: folder, files: files)
    }
  }

  private func configurationJSON(_ precision: Precision) -> JSON {
    guard case .object(var object) = model.json else { preconditionFailure("a configuration is an object") }
    object["pad_token_id"] = tokenizer.vocabulary.padding.map { .int($0) } ?? .null
    object["torch_dtype"] = .string(precision.torchName)
    object["use_cache"] = true
    return .object(object)
  }

  private var generationJSON: JSON {
    var object = JSONObject()
    object["_from_model_config"] = true
    for key in ["bos_token_id", "eos_token_id", "pad_token_id"] {
      if let id = configurationJSON(.f32)[key], id != .null { object[key] = id }
    }
    return .object(object)
  }
}

extension GGUFImport.Precision {
  /// The name in a safetensors header.
  var safetensorsType: SafetensorsType {
    switch self {
    case .f32: .f32
    case .bf16: .bf16
    case .f16: .f16
    }
  }

  /// The name in `config.json`.
  var torchName: String {
    switch self {
    case .f32: "float32"
    case .bf16: "bfloat16"
    case .f16: "float16"
    }
  }
}
