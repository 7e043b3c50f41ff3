// SPDX-License-Identifier: Apache-2.0
import Files

/// Sizes and options of the vision transformer of Qwen2.5-VL or Qwen3-VL, as `vision_config` states them.
public struct QwenVisionConfiguration: Sendable, Hashable {
  /// What sets one apart from the other.
  public enum Family: Sendable, Hashable {
    /// Qwen2.5-VL: attention inside windows of so many pixels along a side, in some layers over the whole image.
    case windows(side: Int, wholeLayers: Set<Int>)
    /// Qwen3-VL: a table of so many learnt positions, a square; what some layers give goes to the decoder as well.
    case table(positions: Int, tappedLayers: [Int])
  }

  /// Whose it is.
  public var family: Family
  /// Width W of the hidden states.
  public var hiddenSize: Int
  /// Width of the MLP's inner layer.
  public var intermediateSize: Int
  /// Number of layers.
  public var layers: Int
  /// Number of attention heads; their width is a multiple of 4.
  public var heads: Int
  /// Pixels along a side of a patch.
  public var patchSize: Int
  /// Images of a video that a patch spans; a picture is shown to it as often.
  public var frames: Int
  /// Patches along a side of the squares that become one token each.
  public var merge: Int
  /// Base of the frequencies that rotate queries and keys.
  public var theta: Double
  let activation: Activation

  /// Patches of a square.
  var squareArea: Int { merge * merge }

  /// Squares along a side of a window; nil: all layers see the whole image.
  var windowSquares: Int? {
    guard case .windows(let side, _) = family else { return nil }
    return side / merge / patchSize
  }

  /// Layers whose output goes to the decoder's first ones, one each.
  public var tappedLayers: [Int] {
    guard case .table(_, let layers) = family else { return [] }
    return layers
  }

  /// Reads the `vision_config` of a `qwen2_5_vl` model, with the defaults of transformers' `Qwen2_5_VLVisionConfig`.
  ///
  /// - Parameter width: that of the decoder, H.
  /// - Throws: `InputError` naming file and key for a value of the wrong type or out of range, and for options that are
  ///   not supported.
  init(qwen25 config: JSONReader, width: Int) throws(InputError) {
    try self.init(
      config, types: ["qwen2_5_vl", "qwen2_5_vl_vision"], width: width,
      usual: Usual(layers: 32, width: 3584, inner: 3420, patch: 14, activation: .silu)
    ) { config, _ throws(InputError) in
      let side = try config.count("window_size", default: 112, limit: 1 << 16)
      let listed = try config.ifPresent("fullatt_block_indexes")
      return .windows(side: side, wholeLayers: Set(try listed?.layerIndices() ?? [7, 15, 23, 31]))
    }
    if windowSquares == 0 {
      throw config.child("window_size", config.value["window_size"] ?? .int(112)).error(
        expected: "at least \(merge * patchSize), the pixels along a side of a square of patches")
    }
  }

  /// Reads the `vision_config` of a `qwen3_vl` model, with the defaults of transformers' `Qwen3VLVisionConfig`; as above.
  init(qwen3 config: JSONReader, width: Int) throws(InputError) {
    try self.init(
      config, types: ["qwen3_vl", "qwen3_vl_vision"], width: width,
      usual: Usual(layers: 27, width: 1152, inner: 4304, patch: 16, activation: .geluTanh)
    ) { config, layers throws(InputError) in
      let count = try config.count("num_position_embeddings", default: 2304, limit: 1 << 24)
      let listed = try config.ifPresent("deepstack_visual_indexes")
      let tapped = try listed?.layerIndices() ?? [8, 16, 24]
      guard zip(tapped, tapped.dropFirst()).allSatisfy(<), tapped.allSatisfy({ $0 < layers }) else {
        throw config.child("deepstack_visual_indexes", listed?.value ?? .null).error(
          expected: "ascending indices below depth, \(layers)", found: "\(tapped)")
      }
      return .table(positions: count, tappedLayers: tapped)
    }
  }

  /// What nothing states.
  private struct Usual {
    let layers: Int, width: Int, inner: Int, patch: Int, activation: Activation
  }

  private init(
    _ config: JSONReader, types: [String], width: Int, usual: Usual,
    family: (_ config: JSONReader, _ layers: Int) throws(InputError) -> Family
  ) throws(InputError) {
    if let type = try config.ifPresent("model_type"), !types.contains(try type.string()) {
      throw type.error(expected: types.joined(separator: " or ") + ", the only vision tower supported here")
    }
    layers = try config.count("depth", default: usual.layers, limit: 1 << 10)
    hiddenSize = try config.count("hidden_size", default: usual.width, limit: 1 << 16)
    intermediateSize = try config.count("intermediate_size", default: usual.inner, limit: 1 << 18)
    heads = try config.count("num_heads", default: 16, limit: 1 << 10)
    patchSize = try config.count("patch_size", default: usual.patch, limit: 1 << 10)
    frames = try config.count("temporal_patch_size", default: 2, limit: 16)
    merge = try config.count("spatial_merge_size", default: 2, limit: 1 << 6)
    activation = try Activation(config, key: "hidden_act", default: usual.activation)
    theta = try config.axialTheta()
    self.family = try family(config, layers)
    guard hiddenSize % (4 * heads) == 0 else {
      throw config.child("hidden_size", .int(hiddenSize)).error(expected: "a multiple of 4 times the \(heads) heads")
    }
    for (key, name) in [("num_attention_heads", "num_heads"), ("num_hidden_layers", "depth")] {
      if let other = try config.ifPresent(key) { throw other.error(expected: "none beside \(name), its name here") }
    }
    if let channels = try config.ifPresent("in_channels"), try channels.int() != 3 {
      throw channels.error(expected: "3, the only number supported")
    }
    let output = try config.count("out_hidden_size", default: 3584, limit: 1 << 20)
    guard output == width else {
      throw config.child("out_hidden_size", .int(output)).error(expected: "\(width), the decoder's hidden_size")
    }
  }
}

extension JSONReader {
  fileprivate func layerIndices() throws(InputError) -> [Int] {
    let indices = try integers()
    guard indices.allSatisfy({ $0 >= 0 }), indices.count <= 1 << 10 else {
      throw error(expected: "indices of layers, from 0 on")
    }
    return indices
  }

  /// θ of the rotation by row and column, which knows no scaling.
  fileprivate func axialTheta() throws(InputError) -> Double {
    guard let section = try ifPresent("rope_parameters") else { return 10_000 }
    for (name, value) in try section.object().members where value != .null {
      switch name {
      case "rope_theta": continue
      case "rope_type", "type":
        let type = section.child(name, value)
        guard ["axial", "default"].contains(try type.string()) else {
          throw type.error(expected: "axial, the only type supported")
        }
      default: throw section.child(name, value).error(expected: "no such key for rope_type axial")
      }
    }
    return try section.number("rope_theta", default: 10_000, above: 0)
  }
}
