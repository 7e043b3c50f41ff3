// SPDX-License-Identifier: Apache-2.0
public import Files

/// Sizes and options of a vision transformer, CLIP's or SigLIP's, as `vision_config` states them.
public struct VisionConfiguration: Sendable, Hashable {
  /// Whose transformer it is.
  public enum Family: String, Sendable, Hashable {
    /// Radford et al. 2021: a class token before the patches, a normalisation before the first layer.
    case clip = "clip_vision_model"
    /// Zhai et al. 2023 (arXiv 2303.15343): patches alone, their projection with a bias.
    case siglip = "siglip_vision_model"
    /// SigLIP's as Idefics3 and SmolVLM have it, with defaults of their own.
    case idefics3 = "idefics3_vision"
  }

  /// Whose it is.
  public var family: Family
  /// Width of the hidden states.
  public var hiddenSize: Int
  /// Width of the MLP's inner layer.
  public var intermediateSize: Int
  /// Number of layers.
  public var layers: Int
  /// Number of attention heads; divides ``hiddenSize``.
  public var heads: Int
  /// Channels of the images.
  public var channels: Int
  /// Rows, and pixels of a row.
  public var imageSize: Int
  /// Side of the patches that become tokens.
  public var patchSize: Int
  /// ε of the normalisations.
  public var epsilon: Double
  let activation: Activation

  /// A configuration made in code; as the family's apart from the sizes.
  ///
  /// - Parameter epsilon: nil: the family's own.
  public init(
    _ family: Family = .clip, hiddenSize: Int, intermediateSize: Int, layers: Int, heads: Int, channels: Int = 3,
    imageSize: Int, patchSize: Int, epsilon: Double? = nil
  ) {
    self.family = family
    (self.hiddenSize, self.intermediateSize, self.layers, self.heads) = (hiddenSize, intermediateSize, layers, heads)
    (self.channels, self.imageSize, self.patchSize) = (channels, imageSize, patchSize)
    self.epsilon = epsilon ?? family.epsilon
    activation = family.activation
  }

  /// Patches along a side.
  public var side: Int { imageSize / patchSize }
  /// Height and width of the images that the tower reads.
  public var size: (height: Int, width: Int) { (imageSize, imageSize) }

  /// Reads a `vision_config`, with the defaults of transformers' `CLIPVisionConfig` or `SiglipVisionConfig`.
  ///
  /// - Parameter family: the only one that its place allows.
  /// - Throws: `InputError` naming file and key for a value of the wrong type or out of range, and for options that are
  ///   not supported.
  public init(_ config: JSONReader, family: Family = .clip) throws(InputError) {
    self.family = family
    if let type = try config.ifPresent("model_type"), !family.modelTypes.contains(try type.string()) {
      throw type.error(expected: "\(family.rawValue), the only vision tower supported here")
    }
    if family == .siglip, try config.ifPresent("vision_use_head")?.bool() ?? true {
      throw config.child("vision_use_head", config.value["vision_use_head"] ?? .null).error(
        expected: "false: nothing reads what a head makes of the patches")
    }
    if let dropout = try config.ifPresent("attention_dropout"), try dropout.double() != 0 {
      throw dropout.error(expected: "0, the only value supported")
    }
    let usual = family.usual
    hiddenSize = try config.count("hidden_size", default: usual.width, limit: 1 << 16)
    intermediateSize = try config.count("intermediate_size", default: 3072, limit: 1 << 18)
    layers = try config.count("num_hidden_layers", default: 12, limit: 1 << 10)
    heads = try config.count("num_attention_heads", default: usual.heads, limit: 1 << 10)
    channels = try config.count("num_channels", default: 3, limit: 3)
    imageSize = try config.count("image_size", default: 224, limit: 1 << 13)
    patchSize = try config.count("patch_size", default: usual.patch, limit: 1 << 13)
    epsilon = try config.number("layer_norm_eps", default: family.epsilon, above: 0)
    activation = try Activation(config, key: "hidden_act", default: family.activation)
    if hiddenSize % heads != 0 {
      throw config.child("hidden_size", .int(hiddenSize)).error(expected: "a multiple of the \(heads) heads")
    }
    if patchSize > imageSize {
      throw config.child("patch_size", .int(patchSize)).error(expected: "at most image_size, \(imageSize)")
    }
    if channels != 3 { throw try config.at("num_channels").error(expected: "3, the only number supported") }
  }

  /// The configuration as `vision_config`.
  public var json: JSON {
    [
      "model_type": .string(family.rawValue), "hidden_size": .int(hiddenSize),
      "intermediate_size": .int(intermediateSize),
      "num_hidden_layers": .int(layers), "num_attention_heads": .int(heads), "num_channels": .int(channels),
      "image_size": .int(imageSize), "patch_size": .int(patchSize), "layer_norm_eps": .double(epsilon),
      "hidden_act": .string(activation.rawValue),
      family == .clip ? "projection_dim" : "vision_use_head": family == .clip ? .int(hiddenSize) : false,
    ]
  }
}

extension VisionConfiguration.Family {
  /// What `vision_config.model_type` may be.
  fileprivate var modelTypes: [String] {
    self == .idefics3 ? ["idefics3_vision", "smolvlm_vision", "idefics3", "smolvlm"] : [rawValue]
  }
  fileprivate var usual: (width: Int, heads: Int, patch: Int) {
    switch self {
    case .clip: (768, 12, 32)
    case .siglip: (768, 12, 16)
    case .idefics3: (1152, 16, 32)
    }
  }
  fileprivate var epsilon: Double { self == .clip ? 1e-5 : 1e-6 }
  fileprivate var activation: Activation { self == .clip ? .quickGelu : .geluTanh }
}
