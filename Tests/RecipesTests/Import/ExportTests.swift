// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import ModelImport
import Testing
import TokenData
import TokenModels
import Torch
import TorchNN

/// A model of `Tests/Fixtures/decoders/make.py`, with a tokenizer, to be written as a GGUF file.
private struct ExportCase: CustomTestStringConvertible, Sendable {
  let name: String
  /// Keys of `config.json` that llama.cpp has only one value of.
  var edits: [String: JSON] = [:]
  /// Whether the logits that transformers gave still hold.
  var isOriginal: Bool { edits.isEmpty }
  var testDescription: String { name }

  static let all = [
    ExportCase(name: "qwen2"), ExportCase(name: "qwen3"), ExportCase(name: "qwen3-tied-yarn"),
    ExportCase(name: "qwen3-moe"), ExportCase(name: "gemma"), ExportCase(name: "olmo2"), ExportCase(name: "olmo3"),
    ExportCase(name: "granite"), ExportCase(name: "phi3-window"), ExportCase(name: "phi4-mini"),
    ExportCase(name: "gemma2", edits: ["query_pre_attn_scalar": 8]),
    ExportCase(name: "gemma3", edits: ["query_pre_attn_scalar": 8]),
    ExportCase(name: "gemma3-linear", edits: ["query_pre_attn_scalar": 8]),
    ExportCase(name: "mistral-window", edits: ["sliding_window": nil]),
    ExportCase(name: "smollm3", edits: ["no_rope_layers": [1, 1]]),
  ]

  /// Calls `body` with a folder of the model.
  func withFolder<Result>(_ body: (_ folder: String) throws -> Result) throws -> Result {
    try withImportFolder { folder in
      let source = decoderFixture(name)
      var config = try JSONReader(file: source + "/config.json").object()
      for (key, value) in edits { config[key] = value }
      try AtomicFile.write(JSON.object(config).text().utf8, to: folder + "/config.json")
      try FileManager.default.copyItem(atPath: source + "/model.safetensors", toPath: folder + "/model.safetensors")
      try writeTinyTokenizer(to: folder)
      return try body(folder)
    }
  }
}

private func decoderFixture(_ name: String) -> String { importFixtures + "/../decoders/\(name)" }

/// The error of that kind that `body` throws.
private func inputError(_ body: () throws -> Void) -> InputError? {
  do {
    try body()
    return nil
  } catch {
    return error as? InputError
  }
}

/// A byte-level tokenizer of 40 tokens with Qwen's rules.
private func writeTinyTokenizer(to folder: String, editing: (inout JSONObject) -> Void = { _ in }) throws {
  var vocabulary = JSONObject()
  for (id, token) in ["<s>", "</s>"].enumerated() { vocabulary[token] = .int(id) }
  for letter in "abcdefghijklmnopqrstuvwxyz01234567Ġ" { vocabulary[String(letter)] = .int(vocabulary.count) }
  for token in ["ab", "abc", "Ġa"] { vocabulary[token] = .int(vocabulary.count) }
  let pattern =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  let added: [JSON] = ["<s>", "</s>"].enumerated().map { id, token in
    [
      "id": .int(id), "content": .string(token), "single_word": false, "lstrip": false, "rstrip": false,
      "normalized": false, "special": true,
    ]
  }
  var object = JSONObject()
  object["version"] = "1.0"
  object["added_tokens"] = .array(added)
  object["normalizer"] = ["type": "NFC"]
  object["pre_tokenizer"] = [
    "type": "Sequence",
    "pretokenizers": [
      ["type": "Split", "pattern": ["Regex": .string(pattern)], "behavior": "Isolated", "invert": false],
      ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false],
    ],
  ]
  object["post_processor"] = nil
  object["decoder"] = ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true]
  object["model"] = [
    "type": "BPE", "vocab": .object(vocabulary), "merges": [["a", "b"], ["ab", "c"], ["Ġ", "a"]],
  ]
  editing(&object)
  try AtomicFile.write(JSON.object(object).text().utf8, to: folder + "/tokenizer.json")
  let settings: JSON = ["bos_token": "<s>", "eos_token": "</s>", "chat_template": "{{ messages }}"]
  try AtomicFile.write(settings.text().utf8, to: folder + "/tokenizer_config.json")
}

@Suite struct ExportTests {
  /// transformers' logits of the checkpoint are those of the folder that comes back from a GGUF file, where the format
  /// holds the weights: the checkpoints are bfloat16, and F16 rounds only what is below 6e-5. Blocks round what is 32 wide;
  /// how far is held for weights (`GGUFWriterTests`).
  @Test(arguments: ExportCase.all) private func comesBackEqual(_ example: ExportCase) throws {
    let stored = try SafetensorsFile(decoderFixture(example.name) + "/expected.safetensors")
    let ids = try Tensor(try #require(stored["ids"]), copying: true)
    try example.withFolder { folder in
      let options = LoadOptions(dtype: .float32)
      let original = try loadModel(folder: folder, options: options)
      let expected =
        example.isOriginal
        ? try Tensor(try #require(stored["logits"]), copying: true) : noGrad { original.logits(ids) }
      for format in [GGUFExport.Format.f32, .bf16, .f16, .q8_0, .q4_K] {
        let path = "\(folder)/\(format).gguf", back = "\(folder)/\(format)"
        try GGUFExport(loadModel(folder: folder), tokenizer: folder, name: "tiny").write(to: path, format: format)
        if let keeping = ProcessInfo.processInfo.environment["DIST2_KEEP"] {
          let kept = "\(keeping)/\(example.name)-\(format).gguf"
          try? FileManager.default.removeItem(atPath: kept)
          try FileManager.default.copyItem(atPath: path, toPath: kept)
        }
        _ = try GGUFImport(path).write(to: back)
        let logits = try noGrad { try loadModel(folder: back, options: options).logits(ids) }
        let difference = (logits - expected).abs().max().item()
        let isExact = [GGUFExport.Format.f32, .bf16, .f16].contains(format)
        #expect(isExact ? difference < 2e-5 : difference.isFinite, "\(format)")
        let json = try JSONReader(file: back + "/tokenizer.json").value
        let source = try JSONReader(file: folder + "/tokenizer.json").value
        for key in ["normalizer", "pre_tokenizer", "added_tokens"] { #expect(json[key] == source[key], "\(key)") }
        let settings = try JSONReader(file: back + "/tokenizer_config.json").value
        #expect(settings["bos_token"] == "<s>" && settings["chat_template"] == "{{ messages }}")
      }
    }
  }

  /// Tokenizers of SmolLM's, Llama 3's and SentencePiece's kind go both ways unchanged, and so do weights and settings.
  @Test(arguments: ["smollm", "llama3", "llama2"]) func folderToFileToFolder(_ name: String) throws {
    let first = try ImportedFolder(importFixtures + "/\(name).gguf")
    try withImportFolder { folder in
      let path = folder + "/a.gguf"
      try GGUFExport(loadModel(folder: first.path), tokenizer: first.path, name: "tiny \(name)").write(
        to: path, format: .f32)
      _ = try GGUFImport(path).write(to: folder + "/back")
      for file in try FileManager.default.contentsOfDirectory(atPath: first.path) {
        #expect(
          FileManager.default.contentsEqual(atPath: "\(first.path)/\(file)", andPath: "\(folder)/back/\(file)"),
          "\(file)")
      }
    }
  }

  /// What llama.cpp has no equal of is named by its key.
  @Test(arguments: [
    ("llama-dynamic", "rope_parameters"), ("ministral3", "model_type"), ("gpt2", "model_type"),
    ("qwen3-moe-mixed", "norm_topk_prob"), ("gemma2", "query_pre_attn_scalar"), ("mistral-window", "sliding_window"),
    ("qwen2-window-yarn", "sliding_window"), ("smollm3", "no_rope_layers"),
  ]) func refusedByKey(_ name: String, _ key: String) throws {
    try ExportCase(name: name).withFolder { folder in
      let model = try loadModel(folder: folder)
      let error = inputError { _ = try GGUFExport(model, tokenizer: folder, name: "x") }
      #expect(error?.place == "key \(key)", "\(String(describing: error))")
    }
  }

  @Test(arguments: ["pre_tokenizer", "normalizer", "post_processor", "model"])
  func tokenizersRefused(_ key: String) throws {
    try ExportCase(name: "qwen3").withFolder { folder in
      let model = try loadModel(folder: folder)
      try writeTinyTokenizer(to: folder) { object in
        switch key {
        case "pre_tokenizer": object[key] = ["type": "Whitespace"]
        case "normalizer": object[key] = ["type": "NFKC"]
        case "post_processor": object[key] = ["type": "BertProcessing", "sep": ["</s>", 1], "cls": ["<s>", 0]]
        default:
          guard case .object(var model)? = object[key] else { return }
          model["ignore_merges"] = true
          object[key] = .object(model)
        }
      }
      let error = inputError { _ = try GGUFExport(model, tokenizer: folder, name: "x") }
      #expect(error?.place.contains(key) == true, "\(String(describing: error))")
    }
  }
}
