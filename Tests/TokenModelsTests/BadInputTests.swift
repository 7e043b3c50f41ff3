// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TestSupport
import Testing
import TokenModels
import Torch
import TorchNN

/// What is wrong with a checkpoint is said, and nothing crashes or takes memory for it.
@Suite struct BadInputTests {
  /// A value of config.json that must be refused: key, value, the place the error names, a word of what it expects.
  struct Refusal: CustomTestStringConvertible, Sendable {
    let key: String, value: JSON
    var place: String?
    let expected: String
    var testDescription: String { "\(key) = \(value.text())" }

    init(_ key: String, _ value: JSON, _ expected: String, place: String? = nil) {
      (self.key, self.value, self.expected, self.place) = (key, value, expected, place)
    }
  }

  static let refusals = [
    Refusal("vocab_size", 1_000_000_000_000, "1 ... 16777216"),
    Refusal("vocab_size", 0, "1 ... 16777216"),
    Refusal("vocab_size", "48", "whole number"),
    Refusal("vocab_size", 47.5, "whole number"),
    Refusal("hidden_size", -32, "1 ..."),
    Refusal("hidden_size", [32], "whole number"),
    Refusal("intermediate_size", 1_000_000_000, "1 ..."),
    Refusal("num_hidden_layers", 1_000_000_000, "1 ... 4096"),
    Refusal("num_attention_heads", 0, "1 ... 4096"),
    Refusal("num_key_value_heads", 3, "divisor of the 4 heads"),
    Refusal("num_key_value_heads", 8, "1 ... 4"),
    Refusal("head_dim", 7, "even"),
    Refusal("max_position_embeddings", true, "whole number"),
    Refusal("rms_norm_eps", 0, "above 0"),
    Refusal("rms_norm_eps", "small", "number"),
    Refusal("hidden_act", "relu2", "silu, gelu"),
    Refusal("attention_bias", 1, "true or false"),
    Refusal("mlp_bias", "no", "true or false"),
    Refusal("attention_dropout", 0.1, "0, the only thing supported"),
    Refusal("tie_word_embeddings", "yes", "true or false"),
    Refusal("pretraining_tp", 2, "1, the only thing supported"),
    Refusal("sliding_window", 32, "whole context"),
    Refusal("layer_types", ["full_attention", "sliding_attention"], "full_attention", place: "key layer_types[1]"),
    Refusal("quantization_config", ["quant_method": "gptq"], "unquantised"),
    Refusal("partial_rotary_factor", 0.5, "1, the only thing supported"),
    Refusal("is_causal", false, "true, the only thing supported"),
    Refusal("eos_token_id", ["a"], "whole number", place: "key eos_token_id[0]"),
    Refusal("rope_theta", 0, "above 0"),
    Refusal("rope_scaling", "llama3", "object"),
    Refusal(
      "rope_scaling", ["rope_type": "longrope", "factor": 2], "default, linear, dynamic, llama3 or yarn",
      place: "key rope_scaling.rope_type"),
    Refusal("rope_scaling", ["type": "ntk", "factor": 2], "default, linear", place: "key rope_scaling.type"),
    Refusal("rope_scaling", ["type": "yarn", "factor": 0], "above 0", place: "key rope_scaling.factor"),
    Refusal("rope_scaling", ["rope_type": "linear"], "a value", place: "key rope_scaling.factor"),
    Refusal("rope_scaling", ["rope_type": "linear", "factor": -1], "above 0", place: "key rope_scaling.factor"),
    Refusal(
      "rope_scaling", ["rope_type": "linear", "factor": 2, "attention_factor": 3], "no such key",
      place: "key rope_scaling.attention_factor"),
    Refusal(
      "rope_scaling",
      ["rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4], "more than low_freq_factor",
      place: "key rope_scaling.high_freq_factor"),
    Refusal("original_max_position_embeddings", 0, "1 ..."),
    Refusal("use_bidirectional_attention", true, "false, the only thing supported"),
    Refusal("model_type", "falcon", "llama"),
    Refusal("model_type", 3, "a string"),
  ]

  @Test(arguments: refusals) func unsupportedOptionsNameFileAndKey(refusal: Refusal) throws {
    let temporary = try TemporaryFolder()
    let folder = try temporary.copy(of: Fixture.all[0])
    try edit(folder + "/config.json") { $0[refusal.key] = refusal.value }
    for open in [{ try Llama(folder: folder) as any PretrainedModel }, { try loadModel(folder: folder) }] {
      let error = #expect(throws: InputError.self) { try open() }
      #expect(error?.path == folder + "/config.json")
      #expect(error?.place == refusal.place ?? "key \(refusal.key)")
      #expect(error?.expected.contains(refusal.expected) == true, "\(error?.description ?? "")")
    }
  }

  /// Keys of families other than Llama: folder of `Tests/Fixtures/decoders`, and what is refused there.
  static let familyRefusals: [(fixture: String, refusal: Refusal)] = [
    ("mistral-window", Refusal("sliding_window", 0, "1 ...")),
    ("mistral-window", Refusal("layer_types", ["sliding_attention"], "full_attention", place: "key layer_types[0]")),
    ("ministral3", Refusal("rope_parameters", ["rope_type": "linear", "factor": 2], "yarn")),
    ("qwen2-window-yarn", Refusal("layer_types", ["full_attention"], "2 of them")),
    ("qwen2-window-yarn", Refusal("use_sliding_window", false, "full_attention", place: "key layer_types[1]")),
    ("qwen2-window-yarn", Refusal("layer_types", ["full_attention", "chunked"], "full", place: "key layer_types[1]")),
    ("qwen3-moe", Refusal("num_experts_per_tok", 5, "1 ... 4")),
    ("qwen3-moe", Refusal("norm_topk_prob", "yes", "true or false")),
    ("gemma2", Refusal("final_logit_softcapping", -1, "above 0")),
    ("gemma2", Refusal("use_bidirectional_attention", true, "false")),
    ("gemma3", Refusal("rope_parameters", ["rope_type": "default"], "a section for each kind")),
    ("smollm3", Refusal("no_rope_layers", [1], "2 of them")),
    ("granite", Refusal("logits_scaling", 0, "above 0")),
    (
      "phi4-mini",
      Refusal(
        "rope_parameters",
        [
          "rope_type": "longrope", "partial_rotary_factor": 0.5, "short_factor": [1, 1, 1], "long_factor": [1, 1, 1],
        ], "2 numbers in short_factor")
    ),
    ("gpt2", Refusal("scale_attn_weights", false, "true")),
    ("gpt2", Refusal("activation_function", "relu", "gelu_pytorch_tanh")),
    ("gpt2", Refusal("n_head", 3, "multiple of the 3 heads", place: "key n_embd")),
    ("gpt-neox", Refusal("hidden_dropout", 0.1, "0, the only thing supported")),
  ]

  @Test(arguments: familyRefusals.indices) func unsupportedOptionsOfAFamilyNameFileAndKey(index: Int) throws {
    let (fixture, refusal) = Self.familyRefusals[index]
    let temporary = try TemporaryFolder(), folder = temporary.path + "/model"
    try FileManager.default.copyItem(atPath: FamilyFixture(name: fixture).path, toPath: folder)
    try edit(folder + "/config.json") { $0[refusal.key] = refusal.value }
    let error = #expect(throws: InputError.self, "\(fixture) \(refusal)") { try loadModel(folder: folder) }
    #expect(error?.path == folder + "/config.json")
    #expect(error?.place.hasPrefix(refusal.place ?? "key \(refusal.key)") == true, "\(error?.description ?? "")")
    #expect(error?.expected.contains(refusal.expected) == true, "\(error?.description ?? "")")
  }

  @Test func aDamagedConfigurationIsRefused() throws {
    let temporary = try TemporaryFolder()
    let folder = try temporary.copy(of: Fixture.all[0]), path = folder + "/config.json"
    let bytes = try fileBytes(path)
    for damaged in [
      [], Array(bytes.prefix(100)), Array("[1]".utf8), Array("{}".utf8), [0xFF, 0xFE], Array("null".utf8),
    ] {
      try Data(damaged).write(to: URL(fileURLWithPath: path))
      let error = #expect(throws: InputError.self) { try loadModel(folder: folder) }
      #expect(error?.path == path)
    }
    try FileManager.default.removeItem(atPath: path)
    #expect(throws: InputError.self) { try loadModel(folder: folder) }
    #expect(throws: InputError.self) { try loadModel(folder: temporary.path + "/absent") }
    #expect(throws: InputError.self) { try loadModel(folder: path) }
  }

  @Test func damagedWeightsAreRefused() throws {
    let temporary = try TemporaryFolder()
    let folder = try temporary.copy(of: Fixture.all[1]), path = folder + "/model.safetensors"
    let bytes = try fileBytes(path)
    for damaged in [[], Array(bytes.prefix(5)), Array(bytes.prefix(1000)), Array(bytes.dropLast(4)), bytes + [0]] {
      try Data(damaged).write(to: URL(fileURLWithPath: path))
      let error = #expect(throws: InputError.self) { try loadModel(folder: folder) }
      #expect(error?.path == path)
    }
    try FileManager.default.removeItem(atPath: path)
    #expect(throws: InputError.self) { try loadModel(folder: folder) }
  }

  @Test func anAbsentShardIsNamed() throws {
    let temporary = try TemporaryFolder()
    let folder = try temporary.copy(of: Fixture.all[0])
    try FileManager.default.removeItem(atPath: folder + "/model-00002-of-00002.safetensors")
    let error = #expect(throws: InputError.self) { try loadModel(folder: folder) }
    #expect(error?.path.hasSuffix("model-00002-of-00002.safetensors") == true)
  }

  /// A configuration of the largest sizes allowed costs no memory before it is found not to fit the weights.
  @Test func aConfigurationOfOtherSizesNamesEveryTensor() throws {
    let temporary = try TemporaryFolder()
    let folder = try temporary.copy(of: Fixture.all[1])
    try edit(folder + "/config.json") {
      $0["vocab_size"] = 16_777_216
      $0["num_hidden_layers"] = 4096
      $0["attention_bias"] = false
    }
    let error = #expect(throws: InputError.self) { try loadModel(folder: folder) }
    let found = error?.found ?? ""
    #expect(found.contains("missing: model.layers.{2-4095}.input_layernorm.weight"))
    #expect(found.contains("model.layers.{2-4095}.mlp.down_proj.bias"))
    #expect(found.contains("not used by the model: model.layers.{0-1}.self_attn.k_proj.bias"))
    #expect(
      found.contains("model.embed_tokens.weight [48, 32] instead of [16777216, 32] in \(folder)/model.safetensors"))
    #expect(found.contains("lm_head.weight [48, 32] instead of [16777216, 32]"))
  }

  @Test func tiesThatDoNotHoldAreRefused() throws {
    let temporary = try TemporaryFolder()
    // Not tied, but no head in the file.
    let headless = try temporary.copy(of: Fixture(name: "headdim-tied"))
    try edit(headless + "/config.json") { $0["tie_word_embeddings"] = false }
    let missing = #expect(throws: InputError.self) { try loadModel(folder: headless) }
    #expect(missing?.found == "missing: lm_head.weight")
    // Tied, but the file holds two different ones.
    let untied = try temporary.copy(of: Fixture.all[1])
    try edit(untied + "/config.json") { $0["tie_word_embeddings"] = true }
    let other = #expect(throws: InputError.self) { try loadModel(folder: untied) }
    #expect(other?.place == "tensor lm_head.weight")
    #expect(other?.remedy.contains("tie_word_embeddings") == true)
  }

  /// transformers takes the head for the table where a tied checkpoint holds only the head.
  @Test func aTiedCheckpointMayHoldTheHeadAlone() throws {
    let temporary = try TemporaryFolder()
    let fixture = Fixture(name: "headdim-tied"), folder = try temporary.copy(of: fixture)
    let tensors = try SafetensorsFile(fixture.path + "/model.safetensors").tensors.map { stored in
      let name = stored.name == "model.embed_tokens.weight" ? "lm_head.weight" : stored.name
      return SafetensorsSource(name: name, tensor: try Tensor(stored, copying: true))
    }
    try SafetensorsWriter.write(tensors, to: folder + "/model.safetensors")
    let model = try Llama(folder: folder), ids = try fixture.expected("ids")
    #expect(difference(noGrad { model.logits(ids) }, try fixture.expected("logits")) < 1e-5)
  }

  @Test func notANumberIsFoundOnRequest() throws {
    let temporary = try TemporaryFolder()
    let model = try Llama(folder: Fixture.all[0].path)
    let norm = try #require(model.parameters().first { $0.key == "model.norm.weight" })
    norm.tensor.narrow(0, 3, 1).fill_(.nan)
    try model.save(to: temporary.path + "/saved")
    _ = try loadModel(folder: temporary.path + "/saved")
    let error = #expect(throws: InputError.self) {
      try loadModel(folder: temporary.path + "/saved", options: LoadOptions(checkingValues: true))
    }
    #expect(error?.place == "tensor model.norm.weight")
    #expect(error?.found == "1 of 32 that are NaN or infinite")
  }
}
