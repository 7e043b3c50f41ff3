// SPDX-License-Identifier: Apache-2.0
import Files
public import Torch
import TorchNN

extension PretrainedModel {
  /// Writes the model as a Hugging Face folder that transformers, vLLM and llama.cpp's converter read.
  ///
  /// The folder appears whole or not at all. `config.json` keeps every key of the one the model came from; only the
  /// element type is brought up to date. Adapters are merged first, by `TokenModel/mergeLoRA()`, or written
  /// alone, by `TokenModel/saveAdapters(to:replacing:)`.
  ///
  /// - Parameters:
  ///   - folder: the folder to make.
  ///   - tokenizer: a folder to copy tokenizer, chat template and generation settings from.
  ///   - dtype: element type in the file; nil for the parameters' own.
  ///   - maxShardBytes: where the weights are larger, they are cut into several files.
  ///   - replacing: whether a folder of that name may be there, with a model and nothing else.
  ///   - finish: adds to the folder, or changes it, before it appears.
  /// - Throws: `InputError` if something cannot be written; nothing is left behind then.
  public func save(
    to folder: String, tokenizer: String? = nil, dtype: DType? = nil, maxShardBytes: Int = 5_000_000_000,
    replacing: Bool = false, finish: (_ folder: String) throws -> Void = { _ in }
  ) throws {
    precondition(adapters.isEmpty, "a model with adapters is saved merged, or its adapters alone")
    if replacing { try requireReplaceableModel(folder) }
    try AtomicFolder.write(to: folder, replacing: replacing) { partial in
      try SafetensorsWriter.write(sources(dtype: dtype), toFolder: partial, maxShardBytes: maxShardBytes)
      try saveCompanions(to: partial, tokenizer: tokenizer, dtype: dtype)
      try finish(partial)
    }
  }

  /// Writes into a folder what belongs to a checkpoint besides weights: `config.json`, tokenizer, generation settings.
  ///
  /// - Throws: `InputError` if something cannot be written or there is no tokenizer.
  public func saveCompanions(to folder: String, tokenizer: String? = nil, dtype: DType? = nil) throws {
    let config = configurationJSON.withElementType(dtype ?? head.weight.dtype)
    try AtomicFile.write(config, to: folder + "/config.json")
    if let tokenizer { try copyTokenizer(from: tokenizer, to: folder) }
  }

  /// Every parameter once, under its first name.
  private func sources(dtype: DType?) -> [SafetensorsSource] {
    var seen = Set<ObjectIdentifier>()
    return parameters().filter { seen.insert(ObjectIdentifier($0.tensor)).inserted }
      .map { SafetensorsSource(name: storedName($0.key), tensor: stored($0.tensor, as: $0.key), dtype: dtype) }
  }
}

/// Files of a checkpoint besides configuration and weights.
private let companions = [
  "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
  "merges.txt", "tokenizer.model", "chat_template.jinja", "chat_template.json", "generation_config.json",
  "preprocessor_config.json", "processor_config.json",
  // What transformers runs for Phi-3-Vision and Phi-3.5-vision, whose config.json names it.
  "configuration_phi3_v.py", "image_embedding_phi3_v.py", "image_processing_phi3_v.py", "modeling_phi3_v.py",
  "processing_phi3_v.py",
]

private func copyTokenizer(from source: String, to target: String) throws {
  let present = Set(try names(inFolder: source))
  guard companions.contains(where: present.contains) else {
    throw InputError(path: source, expected: "a folder with a tokenizer (tokenizer.json)", found: "none there")
  }
  for name in companions where present.contains(name) {
    try AtomicFile.write(fileBytes(source + "/" + name), to: target + "/" + name)
  }
}

extension JSON {
  /// `config.json` with the element type of the weights beside it.
  fileprivate func withElementType(_ dtype: DType) -> JSON {
    guard case .object(var object) = self else { return self }
    // transformers 5 calls the key dtype; older versions read only torch_dtype, newer ones both.
    let key = object["dtype"] == nil ? "torch_dtype" : "dtype"
    object[key] = .string("\(dtype)")
    return .object(object)
  }
}
