// SPDX-License-Identifier: Apache-2.0
import Files
import TorchNN

extension DecoderFamily {
  /// The decoder of Qwen2.5-VL: Qwen 2 with three positions a token, each of which turns a stretch of the frequencies.
  static let qwen25VL = DecoderFamily(
    "qwen2_5_vl_text", class: "Qwen2_5_VLText", hasClassifier: false,
    defaults: [
      "vocab_size": 152_064, "hidden_size": 8192, "intermediate_size": 29_568, "num_hidden_layers": 80,
      "num_attention_heads": 64, "num_key_value_heads": 8, "max_position_embeddings": 32_768, "rms_norm_eps": 1e-5,
      "sliding_window": 4096, "max_window_layers": 80, "bos_token_id": 151_643, "eos_token_id": 151_645,
    ]
  ) { (c, config) throws(InputError) in
    (c.attentionBias, c.parts.outputBias, c.mlpBias) = (true, false, false)
    guard c.headDimension * c.heads == c.hiddenSize else {
      throw config.member(.headDimension).error(
        expected: "none: heads are hidden_size / num_attention_heads wide here", found: "\(c.headDimension)")
    }
    try c.readRotary(
      config, RotaryRules(theta: 1_000_000, types: axisTypes + ["mrope"], extra: [.axisSections]))
    let sections = try config.axisSections(default: [16, 24, 24]), pairs = c.rotaryDimension / 2
    guard sections.value.reduce(0, +) == pairs else {
      throw sections.reader.error(
        expected: "numbers that sum to \(pairs), half the width of a head", found: "\(sections.value)")
    }
    c.parts.rotaryAxes = RotaryAxes(time: sections.value[0], row: sections.value[1], column: sections.value[2])
    c.parts.windows = try config.qwenWindows(c.layers)
  }

  /// The decoder of Qwen3-VL: Qwen 3 with three positions a token, which turn the frequencies in turn.
  static let qwen3VL = DecoderFamily(
    "qwen3_vl_text", class: "Qwen3VLText", hasClassifier: false,
    defaults: [
      "vocab_size": 151_936, "hidden_size": 4096, "intermediate_size": 22_016, "num_hidden_layers": 32,
      "num_attention_heads": 32, "num_key_value_heads": 32, "head_dim": 128, "max_position_embeddings": 128_000,
      "rms_norm_eps": 1e-6,
    ]
  ) { (c, config) throws(InputError) in
    c.mlpBias = false
    c.parts.queryKeyNorm = .eachHead
    try c.readRotary(
      config, RotaryRules(theta: 500_000, types: axisTypes, extra: [.axisSections, .axesAreInterleaved]))
    if let flag = try config.rotarySection()?[.axesAreInterleaved], try !flag.bool() {
      throw flag.error(expected: "true, as transformers has it of this model_type whatever stands here")
    }
    let sections = try config.axisSections(default: [24, 20, 20]).value
    c.parts.rotaryAxes = RotaryAxes(interleavedRow: sections[1], column: sections[2], pairs: c.rotaryDimension / 2)
    try config.requireFullAttention()
    if let window = try config[.usesSlidingWindow], try window.bool() {
      throw window.error(expected: "false: transformers knows no window of this model_type")
    }
  }

  /// Scalings that do not change with a sequence's length.
  private static let axisTypes = ["default", "linear", "llama3", "yarn"]
}

extension JSONReader {
  /// `mrope_section`: how many pairs of coordinates time, row and column turn.
  fileprivate func axisSections(default usual: [Int]) throws(InputError) -> (value: [Int], reader: JSONReader) {
    guard let section = try rotarySection(), let stated = try section[.axisSections] else {
      return (usual, member(.ropeParameters).child(DecoderConfiguration.Key.axisSections.rawValue, .null))
    }
    let sections = try stated.integers()
    guard sections.count == 3, sections.allSatisfy({ (0...1 << 16).contains($0) }) else {
      throw stated.error(expected: "three numbers, for time, rows and columns", found: "\(sections.count)")
    }
    return (sections, stated)
  }
}
