// SPDX-License-Identifier: Apache-2.0
public import Files

/// Sizes of a ``VQModel``, as `config.json` states them.
public struct VQConfiguration: Sendable, Hashable {
  /// C, channels of an image.
  public var imageChannels: Int
  /// Channels of the first level.
  public var channels: Int
  /// Channels of each level as a multiple of ``channels``. Each level after the first halves the sides.
  public var multipliers: [Int]
  /// Residual blocks of a level of the encoder; the decoder has one more.
  public var residualBlocks: Int
  /// Groups of the normalisations; divides the channels of every level.
  public var normGroups: Int
  /// Channels between encoder or decoder and the code book's projections.
  public var latentChannels: Int
  /// V, the number of codes.
  public var codes: Int
  /// D, numbers of a code's vector.
  public var codeWidth: Int
  /// Whether vectors are scaled to length 1 before they are compared, and the code book's with them.
  public var isNormalised: Bool

  /// Memberwise. The defaults are those of VQ-16.
  public init(
    imageChannels: Int = 3, channels: Int = 128, multipliers: [Int] = [1, 1, 2, 2, 4], residualBlocks: Int = 2,
    normGroups: Int = 32, latentChannels: Int = 256, codes: Int = 16_384, codeWidth: Int = 8, isNormalised: Bool = true
  ) {
    (self.imageChannels, self.channels, self.multipliers) = (imageChannels, channels, multipliers)
    (self.residualBlocks, self.normGroups, self.latentChannels) = (residualBlocks, normGroups, latentChannels)
    (self.codes, self.codeWidth, self.isNormalised) = (codes, codeWidth, isNormalised)
  }

  /// The published tokenizer of 16 x 16 pixels a code.
  public static let vq16 = VQConfiguration()

  /// Pixels of a side that one code stands for.
  public var downsampling: Int { 1 << (multipliers.count - 1) }
  /// Channels of each level.
  var levels: [Int] { multipliers.map { $0 * channels } }
}

extension VQConfiguration {
  /// Every key of `config.json` that is read or written, once: the names of the published implementation's arguments.
  private enum Key {
    static let modelType = "model_type", imageChannels = "in_channels", channels = "ch", multipliers = "ch_mult"
    static let residualBlocks = "num_res_blocks", normGroups = "norm_groups", latentChannels = "z_channels"
    static let codes = "codebook_size", codeWidth = "codebook_embed_dim", isNormalised = "codebook_l2_norm"
  }
  static let modelType = "vq"

  /// Reads `config.json` with the defaults of VQ-16.
  ///
  /// - Throws: `InputError` naming file and key for a value of the wrong type or out of range.
  public init(_ config: JSONReader) throws(InputError) {
    let defaults = VQConfiguration.vq16
    if let type = try config.ifPresent(Key.modelType), try type.string() != Self.modelType {
      throw type.error(expected: Self.modelType)
    }
    self.init(
      imageChannels: try config.count(Key.imageChannels, default: defaults.imageChannels, limit: 1 << 10),
      channels: try config.count(Key.channels, default: defaults.channels, limit: 1 << 14),
      residualBlocks: try config.count(Key.residualBlocks, default: defaults.residualBlocks, limit: 64),
      normGroups: try config.count(Key.normGroups, default: defaults.normGroups, limit: 1 << 14),
      latentChannels: try config.count(Key.latentChannels, default: defaults.latentChannels, limit: 1 << 16),
      codes: try config.count(Key.codes, default: defaults.codes, limit: 1 << 24),
      codeWidth: try config.count(Key.codeWidth, default: defaults.codeWidth, limit: 1 << 14),
      isNormalised: try config.ifPresent(Key.isNormalised)?.bool() ?? defaults.isNormalised)
    if let list = try config.ifPresent(Key.multipliers) { multipliers = try Self.multipliers(list) }
    guard levels.allSatisfy({ $0 % normGroups == 0 }) else {
      throw config.child(Key.normGroups, .int(normGroups)).error(
        expected: "a divisor of the channels of every level (\(levels.map(String.init).joined(separator: ", ")))")
    }
  }

  private static func multipliers(_ list: JSONReader) throws(InputError) -> [Int] {
    var values: [Int] = []
    for element in try list.elements() {
      let value = try element.int()
      guard (1...64).contains(value) else { throw element.error(expected: "a whole number of 1 ... 64") }
      values.append(value)
    }
    guard (1...8).contains(values.count) else { throw list.error(expected: "1 ... 8 multipliers, one per level") }
    return values
  }

  /// The configuration as `config.json`.
  public var json: JSON {
    [
      Key.modelType: .string(Self.modelType), Key.imageChannels: .int(imageChannels), Key.channels: .int(channels),
      Key.multipliers: .array(multipliers.map(JSON.int)), Key.residualBlocks: .int(residualBlocks),
      Key.normGroups: .int(normGroups), Key.latentChannels: .int(latentChannels), Key.codes: .int(codes),
      Key.codeWidth: .int(codeWidth), Key.isNormalised: .bool(isNormalised),
    ]
  }
}
