// SPDX-License-Identifier: Apache-2.0
public import Objectives

/// `objective.preset`: which objective of which family.
public enum ObjectivePreset: Sendable, Hashable {
  /// Of tokens, of the numbers in answers, or of a head of scores.
  case tokens(Preset)
  /// Over whole responses.
  case responses(SequencePreset)
  /// At every token against other models.
  case distillation(DistillationPreset)

  /// Whether it is of tokens, numbers or a head of scores.
  public var isOfTokens: Bool { if case .tokens = self { true } else { false } }
}

extension ObjectivePreset: NamedSetting {
  /// The preset's own name; of the two that are called `raml`, that over responses is `sequenceRAML`.
  public var rawValue: String {
    switch self {
    case .tokens(let preset): preset.rawValue
    case .responses(.raml): "sequenceRAML"
    case .responses(let preset): preset.rawValue
    case .distillation(let preset): preset.rawValue
    }
  }

  /// The preset of a name.
  public init?(rawValue: String) {
    guard let found = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
    self = found
  }

  /// All of them, by family.
  public static let allCases: [ObjectivePreset] =
    Preset.allCases.map(Self.tokens) + SequencePreset.allCases.map(Self.responses)
    + DistillationPreset.allCases.map(Self.distillation)
}

extension DistillationPreset {
  /// Whether it tells responses apart: the better from the other, or one from the next.
  var readsResponses: Bool {
    switch self {
    case .gkd, .cfgDistil: false
    case .alignDistil, .alignDistilAdaptive, .dckd, .adpa, .adpaKL: true
    }
  }
}
