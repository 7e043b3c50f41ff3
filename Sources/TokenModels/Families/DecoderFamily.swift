// SPDX-License-Identifier: Apache-2.0
import Files

/// A family of decoders whose tensors have Llama's names: what its `config.json` means. To add one, write its value in
/// a file of this folder and name it in ``all``.
struct DecoderFamily: Sendable {
  typealias Reading =
    @Sendable (_ c: inout DecoderConfiguration, _ config: JSONReader) throws(InputError) -> Void

  /// `model_type` of `config.json`.
  let modelType: String
  /// The beginning of transformers' class names: `Qwen3` of `Qwen3ForCausalLM`.
  let className: String
  /// Whether transformers has a class of it with a head of scores.
  let hasClassifier: Bool
  /// Values of keys that `config.json` does not have, those of transformers' configuration class.
  let defaults: JSON
  /// Reads what other families do not have, after all sizes: rotation, windows, parts.
  let read: Reading

  init(
    _ modelType: String, class className: String, hasClassifier: Bool = true, defaults: JSON, read: @escaping Reading
  ) {
    (self.modelType, self.className, self.hasClassifier) = (modelType, className, hasClassifier)
    (self.defaults, self.read) = (defaults, read)
  }

  /// Every family.
  static let all: [DecoderFamily] = [
    llama, mistral, ministral3, phi3, qwen2, qwen3, qwen3MoE, gemma, gemma2, gemma3, olmo2, olmo3, granite, smollm3,
  ]

  /// The family that a `config.json` names; Llama where it names none.
  static func of(_ config: JSONReader) throws(InputError) -> DecoderFamily {
    guard let name = try config.ifPresent("model_type") else { return llama }
    let type = try name.string()
    if type == "phi3_v" { return phi3 }  // its decoder
    guard let family = all.first(where: { $0.modelType == type }) else {
      throw name.error(expected: "one of " + all.map(\.modelType).joined(separator: ", "))
    }
    return family
  }
}

extension JSONReader {
  /// Which layers have a window, of how many keys: those that `layer_types` calls so, or `isWindowed` where there is no
  /// such list.
  func windows(
    _ layers: Int, isWindowed: (_ layer: Int) -> Bool
  ) throws(InputError) -> [Int?] {
    var windowed = (0..<layers).map(isWindowed)
    if let types = try self[.layerTypes] {
      let elements = try types.elements()
      guard elements.count == layers else {
        throw types.error(expected: "\(layers) of them, one for each layer", found: "\(elements.count)")
      }
      for (layer, element) in elements.enumerated() {
        switch Key(rawValue: try element.string()) {
        case .fullAttention: windowed[layer] = false
        case .slidingAttention: windowed[layer] = true
        default: throw element.error(expected: "full_attention or sliding_attention, the only types supported")
        }
      }
    }
    guard windowed.contains(true) else { return [] }
    let window = try count(.slidingWindow, limit: 1 << 31)
    return windowed.map { $0 ? window : nil }
  }

  /// The window of every layer, where `sliding_window` states one.
  func windowOfAll(_ layers: Int) throws(InputError) -> [Int?] {
    try requireFullAttention()
    guard try self[.slidingWindow] != nil else { return [] }
    let window = try count(.slidingWindow, limit: 1 << 31)
    return (0..<layers).map { _ in window }
  }

  /// Refuses `layer_types` of anything but full attention, and a window shorter than the context: the family knows
  /// neither.
  func refuseWindows() throws(InputError) {
    try requireFullAttention()
    guard let window = try self[.slidingWindow], try window.int() < self[.contextLength]?.int() ?? .max else { return }
    throw window.error(
      expected: "null, or a window of the whole context (\(Key.contextLength.rawValue))",
      remedy: "transformers knows no window of this model_type.")
  }

  /// Refuses `layer_types` of anything but full attention.
  func requireFullAttention() throws(InputError) {
    guard let types = try self[.layerTypes] else { return }
    for type in try types.elements() where try type.string() != Key.fullAttention.rawValue {
      throw type.unsupported(Key.fullAttention.rawValue)
    }
  }
}
