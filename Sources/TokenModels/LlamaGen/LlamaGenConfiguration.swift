// SPDX-License-Identifier: Apache-2.0
public import Files

/// Sizes and options of a class-conditional ``LlamaGen`` model, as `config.json` states them.
public struct LlamaGenConfiguration: Sendable, Hashable {
  /// V, the number of codes.
  public var codes: Int
  /// Number of classes, the null class not counted.
  public var classes: Int
  /// Rows and columns of the grid of codes.
  public var gridSide: Int
  /// H, the width of hidden states.
  public var hiddenSize: Int
  /// Width of the feed-forward's inner layer.
  public var intermediateSize: Int
  /// Number of layers.
  public var layers: Int
  /// Number of heads; divides ``hiddenSize``.
  public var heads: Int
  /// ε of the normalisations.
  public var epsilon: Double
  /// Base of the rotary frequencies.
  public var theta: Double
  /// Probability with which training replaces a class by the null class.
  public var classDropout: Double
  /// Dropout of embeddings.
  public var tokenDropout: Double
  /// Dropout of attention's output.
  public var residualDropout: Double
  /// Dropout of the feed-forward's output.
  public var feedForwardDropout: Double
  /// Standard deviation of randomly initialised weights.
  public var initialDeviation: Double

  /// D, the width of one head.
  public var headDimension: Int { hiddenSize / heads }
  /// Number of codes of an image.
  public var codesPerImage: Int { gridSide * gridSide }

  /// A configuration made in code. The defaults are those of the published training.
  ///
  /// - Parameter intermediateSize: nil for two thirds of 4 H, rounded up to a multiple of 256.
  public init(
    codes: Int, classes: Int, gridSide: Int, hiddenSize: Int, intermediateSize: Int? = nil, layers: Int, heads: Int,
    epsilon: Double = 1e-5, theta: Double = 10_000, classDropout: Double = 0.1, tokenDropout: Double = 0.1,
    residualDropout: Double = 0.1, feedForwardDropout: Double = 0.1, initialDeviation: Double = 0.02
  ) {
    (self.codes, self.classes, self.gridSide) = (codes, classes, gridSide)
    (self.hiddenSize, self.layers, self.heads) = (hiddenSize, layers, heads)
    self.intermediateSize = intermediateSize ?? Self.intermediateSize(of: hiddenSize)
    (self.epsilon, self.theta, self.initialDeviation) = (epsilon, theta, initialDeviation)
    (self.classDropout, self.tokenDropout) = (classDropout, tokenDropout)
    (self.residualDropout, self.feedForwardDropout) = (residualDropout, feedForwardDropout)
  }

  /// A published size.
  public enum Size: String, Sendable, CaseIterable {
    /// 111 million parameters.
    case b = "B"
    /// 343 million parameters.
    case l = "L"
    /// 775 million parameters.
    case xl = "XL"
  }

  /// A published model of ImageNet's 1,000 classes over the 16,384 codes of VQ-16.
  ///
  /// - Parameter imageSide: pixels of a side, a multiple of 16: 256 or 384 in what was published.
  public static func published(_ size: Size, imageSide: Int = 256) -> LlamaGenConfiguration {
    let (layers, heads, width) =
      switch size {
      case .b: (12, 12, 768)
      case .l: (24, 16, 1024)
      case .xl: (36, 20, 1280)
      }
    return LlamaGenConfiguration(
      codes: 16_384, classes: 1000, gridSide: imageSide / 16, hiddenSize: width, layers: layers, heads: heads)
  }

  fileprivate static func intermediateSize(of hiddenSize: Int) -> Int { (8 * hiddenSize / 3 + 255) / 256 * 256 }
}

extension LlamaGenConfiguration {
  /// Every key of `config.json` that is read or written, once: the names of the published implementation's arguments.
  private enum Key {
    static let modelType = "model_type", codes = "vocab_size", classes = "num_classes", block = "block_size"
    static let hiddenSize = "dim", intermediateSize = "ffn_dim", layers = "n_layer", heads = "n_head"
    static let epsilon = "norm_eps", theta = "rope_base", initialDeviation = "initializer_range"
    static let classDropout = "class_dropout_prob", tokenDropout = "token_dropout_p"
    static let residualDropout = "resid_dropout_p", feedForwardDropout = "ffn_dropout_p"
    static let keyValueHeads = "n_kv_head", attentionDropout = "attn_dropout_p", dropPath = "drop_path_rate"
    static let classTokens = "cls_token_num"
  }

  /// Reads `config.json` with the defaults of the published implementation.
  ///
  /// - Throws: `InputError` naming file and key for a value of the wrong type or out of range, and for every option
  ///   that would change the computation and is not implemented.
  public init(_ config: JSONReader) throws(InputError) {
    let heads = try config.count(Key.heads, limit: 1 << 12)
    for (key, only) in [
      (Key.keyValueHeads, heads), (Key.attentionDropout, 0), (Key.dropPath, 0), (Key.classTokens, 1),
    ] {
      guard let member = try config.ifPresent(key), try member.double() != Double(only) else { continue }
      throw member.error(expected: "\(only), the only value supported")
    }
    let hiddenSize = try config.count(Key.hiddenSize, limit: 1 << 20)
    guard hiddenSize % (4 * heads) == 0 else {
      throw try config.at(Key.hiddenSize).error(expected: "a multiple of 4 times the \(heads) heads")
    }
    let block = try config.count(Key.block, limit: 1 << 20), side = Int(Double(block).squareRoot().rounded())
    guard side * side == block else {
      throw try config.at(Key.block).error(expected: "a square number: the codes of an image, without the class")
    }
    self.init(
      codes: try config.count(Key.codes, limit: 1 << 24), classes: try config.count(Key.classes, limit: 1 << 24),
      gridSide: side, hiddenSize: hiddenSize,
      intermediateSize: try config.count(
        Key.intermediateSize, default: Self.intermediateSize(of: hiddenSize), limit: 1 << 22),
      layers: try config.count(Key.layers, limit: 1 << 12), heads: heads,
      epsilon: try config.number(Key.epsilon, default: 1e-5, above: 0),
      theta: try config.number(Key.theta, default: 10_000, above: 0),
      classDropout: try config.share(Key.classDropout), tokenDropout: try config.share(Key.tokenDropout),
      residualDropout: try config.share(Key.residualDropout),
      feedForwardDropout: try config.share(Key.feedForwardDropout),
      initialDeviation: try config.number(Key.initialDeviation, default: 0.02, above: 0))
  }

  /// The configuration as `config.json`.
  public var json: JSON {
    [
      Key.modelType: "llamagen", Key.codes: .int(codes), Key.classes: .int(classes), Key.block: .int(codesPerImage),
      Key.hiddenSize: .int(hiddenSize), Key.intermediateSize: .int(intermediateSize), Key.layers: .int(layers),
      Key.heads: .int(heads), Key.epsilon: .double(epsilon), Key.theta: .double(theta),
      Key.classDropout: .double(classDropout), Key.tokenDropout: .double(tokenDropout),
      Key.residualDropout: .double(residualDropout), Key.feedForwardDropout: .double(feedForwardDropout),
      Key.initialDeviation: .double(initialDeviation),
    ]
  }
}

extension JSONReader {
  /// A whole number of `1 ... limit`, which must be there unless there is a default.
  func count(_ key: String, default: Int? = nil, limit: Int) throws(InputError) -> Int {
    if let `default`, try ifPresent(key) == nil { return `default` }
    let member = try at(key), value = try member.int()
    guard (1...limit).contains(value) else { throw member.error(expected: "a whole number of 1 ... \(limit)") }
    return value
  }

  /// A finite number above `low`.
  func number(_ key: String, default: Double, above low: Double) throws(InputError) -> Double {
    guard let member = try ifPresent(key) else { return `default` }
    let value = try member.double()
    guard value > low, value.isFinite else { throw member.error(expected: "a number above \(low)") }
    return value
  }

  /// A probability below 1; 0.1 if there is none.
  fileprivate func share(_ key: String) throws(InputError) -> Double {
    guard let member = try ifPresent(key) else { return 0.1 }
    let value = try member.double()
    guard (0..<1).contains(value) else { throw member.error(expected: "a probability below 1") }
    return value
  }
}
