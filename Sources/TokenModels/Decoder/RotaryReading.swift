// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TorchNN

/// What a family's rotary embedding may be.
struct RotaryRules {
  /// θ where nothing states it.
  var theta = 10_000.0
  /// Types of scaling, under transformers' names.
  var types = ["default", "linear", "dynamic", "llama3", "yarn"]
  /// Whether `partial_rotary_factor` may be other than 1, and what it is where nothing states it.
  var partial: Double?
  /// Keys of a section besides those of its type.
  var extra: [DecoderConfiguration.Key] = []
}

extension DecoderConfiguration {
  /// Reads θ and scaling, from `rope_scaling` and `rope_theta` (transformers 4) or `rope_parameters` (transformers 5).
  mutating func readRotary(_ config: JSONReader, _ rules: RotaryRules = RotaryRules()) throws(InputError) {
    use(try rotary(config, config.rotarySection() ?? JSONReader([:], path: config.path), rules))
  }

  /// Reads Gemma 3's and OLMo 3's rotations of two kinds of layers: those that see everything, and those with a window.
  ///
  /// - Parameters:
  ///   - local: rules of layers with a window.
  ///   - localTheta: θ of those, stated beside the sections.
  mutating func readTwoRotaries(
    _ config: JSONReader, _ rules: RotaryRules, local: RotaryRules, localTheta: Key?
  ) throws(InputError) {
    var sections: [Key: JSONReader] = [:]
    if let both = try config[.ropeParameters] {
      for (name, _) in try both.object().members {
        guard let key = Key(rawValue: name), [.fullAttention, .slidingAttention].contains(key) else {
          throw both.error(expected: "full_attention and sliding_attention, a section for each kind of layer")
        }
        sections[key] = try both[key]
      }
    }
    var full = sections[.fullAttention]
    if let old = try config[.ropeScaling] { full = try old.completed(with: full?.value ?? [:]) }
    let none = JSONReader([:], path: config.path)
    use(try rotary(config, full ?? none, rules, isNested: true))
    var own = local
    if let localTheta { own.theta = try config.positive(localTheta, default: local.theta) }
    // What stands beside the sections is of the other kind.
    parts.windowedRotary = try rotary(none, sections[.slidingAttention] ?? none, own, isNested: true)
  }

  private mutating func use(_ rotary: DecoderParts.Rotary) {
    (theta, scaling) = (rotary.theta, rotary.scaling)
    parts.rotaryDimension = rotary.dimension == headDimension ? nil : rotary.dimension
  }

  /// The rotation that a section describes.
  ///
  /// - Parameter config: what stands beside the section.
  private func rotary(
    _ config: JSONReader, _ section: JSONReader, _ rules: RotaryRules, isNested: Bool = false
  ) throws(InputError) -> DecoderParts.Rotary {
    let theta = try section.positive(.ropeTheta, default: config.positive(.ropeTheta, default: rules.theta))
    var share = try section[.partialRotary]
    if share == nil { share = try config[.partialRotary] }
    if rules.partial == nil, let share, try share.double() != 1 { throw share.unsupported("1") }
    let part = try share?.double() ?? rules.partial ?? 1
    guard part > 0, part <= 1 else { throw (share ?? section).error(expected: "a number above 0, at most 1") }
    // The original length beside the section wins over the one in it.
    let outerLength = try config[.originalLength] == nil ? nil : config.count(.originalLength, limit: 1 << 31)
    let scaling = try section.scaling(
      outerLength: outerLength, contextLength: contextLength, rules: rules, isNested: isNested)
    let dimension = Int(exactly: (Double(headDimension) * part).rounded(.down)) ?? 0
    return DecoderParts.Rotary(theta: theta, scaling: scaling, dimension: dimension)
  }
}

extension JSONReader {
  /// `rope_scaling` or `rope_parameters`: as in transformers, the old name wins unless it is empty.
  func rotarySection() throws(InputError) -> JSONReader? {
    for section in [try self[.ropeScaling], try self[.ropeParameters]] {
      if let section, try section.object().count > 0 { return section }
    }
    return nil
  }

  /// The scaling that a section describes.
  fileprivate func scaling(
    outerLength: Int?, contextLength: Int, rules: RotaryRules, isNested: Bool
  ) throws(InputError) -> RotaryEmbedding.Scaling {
    var typeKey = Key.ropeType
    if try self[typeKey] == nil { typeKey = .oldRopeType }
    var type = try self[typeKey]?.string() ?? "default"
    // Names that Phi-3's folders have for it.
    if rules.types.contains("longrope"), ["su", "yarn"].contains(type) { type = "longrope" }
    guard rules.types.contains(type) else {
      throw member(typeKey).error(expected: rules.types.listed + ", the only types supported")
    }
    var known: [Key] = [.ropeType, .oldRopeType, .ropeTheta, .partialRotary] + rules.extra
    let scaling: RotaryEmbedding.Scaling
    switch type {
    case "linear":
      known.append(.factor)
      scaling = .linear(factor: try positive(.factor))
    case "dynamic":
      known += [.factor, .originalLength]
      scaling = .dynamic(factor: try positive(.factor), contextLength: contextLength)
    case "llama3":
      known += [.factor, .lowFactor, .highFactor, .originalLength]
      let (low, high) = (try positive(.lowFactor), try positive(.highFactor))
      guard high > low else {
        throw member(.highFactor).error(expected: "more than \(Key.lowFactor.rawValue) (\(low))")
      }
      let ownLength = try count(.originalLength, default: contextLength, limit: 1 << 31)
      scaling = .llama3(
        factor: try positive(.factor), low: low, high: high, originalLength: outerLength ?? ownLength)
    case "yarn":
      known += [
        .factor, .originalLength, .attentionFactor, .fastTurns, .slowTurns, .magnitude, .magnitudeOfAll, .truncates,
      ]
      scaling = try yarn(outerLength: outerLength, contextLength: contextLength, isNested: isNested)
    case "longrope":
      known += [.factor, .shortFactor, .longFactor, .originalLength, .attentionFactor]
      scaling = try longrope(outerLength: outerLength, contextLength: contextLength)
    default: scaling = .none
    }
    for (name, value) in try object().members where value != .null && !known.contains(where: { $0.rawValue == name }) {
      throw child(name, value).error(expected: "no such key for \(Key.ropeType.rawValue) \(type)")
    }
    return scaling
  }

  /// YaRN. Unless it is given, the factor of cosines and sines is 1 + 0.1 ln(factor), or the quotient of two such with
  /// `mscale` and `mscale_all_dim` before the logarithm.
  private func yarn(
    outerLength: Int?, contextLength: Int, isNested: Bool
  ) throws(InputError) -> RotaryEmbedding.Scaling {
    let ownLength = try count(.originalLength, default: contextLength, limit: 1 << 31)
    let original = outerLength ?? ownLength
    let factor = try positive(.factor, default: Double(contextLength) / Double(original))
    func magnitude(_ share: Double) -> Double { factor <= 1 ? 1 : 0.1 * share * log(factor) + 1 }
    /// 0 and null stand for none.
    func number(_ key: Key) throws(InputError) -> Double? {
      guard let value = try self[key]?.double(), value != 0 else { return nil }
      return try positive(key)
    }
    let own = try number(.magnitude), all = try number(.magnitudeOfAll)
    var attention = magnitude(1)
    if let own, let all { attention = magnitude(own) / magnitude(all) }
    // transformers reads this one of a flat section alone.
    let truncates = isNested ? true : try self[.truncates]?.bool() ?? true
    return .yarn(
      factor: factor, fast: try number(.fastTurns) ?? 32, slow: try number(.slowTurns) ?? 1, originalLength: original,
      truncates: truncates, attention: try positive(.attentionFactor, default: attention))
  }

  /// Phi-3's scaling. Unless it is given, the factor of cosines and sines follows from how many times longer the
  /// context is than the original one.
  ///
  /// transformers reads the original length beside the section alone: there its class has a default, which wins over
  /// what the section says.
  private func longrope(outerLength: Int?, contextLength: Int) throws(InputError) -> RotaryEmbedding.Scaling {
    _ = try count(.originalLength, default: 1, limit: 1 << 31)
    let original = outerLength ?? 4096
    let factor = try positive(.factor, default: Double(contextLength) / Double(original))
    let natural = factor <= 1 ? 1 : (1 + log(factor) / log(Double(original))).squareRoot()
    return .longrope(
      short: try factors(.shortFactor), long: try factors(.longFactor), originalLength: original,
      attention: try positive(.attentionFactor, default: natural))
  }

  /// One factor above 0 for each frequency.
  private func factors(_ key: Key) throws(InputError) -> [Double] {
    var factors = [Double]()
    for element in try at(key.rawValue).elements() {
      let factor = try element.double()
      guard factor > 0, factor.isFinite else { throw element.error(expected: "a number above 0") }
      factors.append(factor)
    }
    return factors
  }
}

extension [String] {
  /// `a, b or c`.
  var listed: String { count < 2 ? joined() : dropLast().joined(separator: ", ") + " or " + self[count - 1] }
}
