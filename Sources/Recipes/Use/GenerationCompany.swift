// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import MetricTokens
import TokenData
import TorchNN

/// Other models beside the one that generates: they guide it token by token, or judge what it has drawn.
public struct GenerationCompany: Sendable, Hashable {
  /// A model whose log-probabilities are added.
  public struct Guide: Sendable, Hashable {
    /// A model, or the folder of a run.
    public var model: String
    /// Factor of its log-probabilities.
    public var alpha: Double

    /// Memberwise.
    public init(_ model: String, alpha: Double) { (self.model, self.alpha) = (model, alpha) }

    /// From `MODEL:α`; without a number at the end α is 1.
    public init(_ text: String) {
      if let colon = text.lastIndex(of: ":"), let alpha = Double(text[text.index(after: colon)...]), alpha.isFinite {
        self.init(String(text[..<colon]), alpha: alpha)
      } else {
        self.init(text, alpha: 1)
      }
    }
  }

  /// Models that are added.
  public var guides: [Guide]
  /// A weaker model that is taken away, over tokens that the generating one finds plausible; nil for none.
  public var amateur: String?
  /// What stands before the prompts that the amateur reads, an empty line between; nil: it reads the same. Without another
  /// model as the amateur it is the generating one that is taken away from itself.
  public var contrastPrompt: String?
  /// λ, by how much.
  public var amateurWeight: Double
  /// Share of the most probable token's probability that a plausible one has at least.
  public var plausibility: Double?
  /// Answers drawn for each prompt, of which the best is told.
  public var samples: Int
  /// Which is best: the run of a reward model, or one of an objective over whole responses.
  public var judge: String?
  /// Reference model of such a judge; nil: its own.
  public var reference: String?

  /// Memberwise; alone unless told otherwise.
  public init(
    guides: [Guide] = [], amateur: String? = nil, contrastPrompt: String? = nil, amateurWeight: Double = 1,
    plausibility: Double? = nil, samples: Int = 1, judge: String? = nil, reference: String? = nil
  ) {
    (self.guides, self.amateur, self.amateurWeight) = (guides, amateur, amateurWeight)
    self.contrastPrompt = contrastPrompt
    (self.plausibility, self.samples, self.judge, self.reference) = (plausibility, samples, judge, reference)
  }
}

/// The models that guide, loaded.
struct LoadedGuides {
  private let guidance: LogitGuidance
  private let models: [String: any TokenModel]
  private static let amateur = "amateur"

  /// - Returns: nil if nobody guides.
  /// - Throws: `InputError` for a model that cannot be loaded or has another vocabulary.
  init?(_ company: GenerationCompany, _ choice: ModelChoice, beside model: any TokenModel) throws {
    // Nil stands for the generating model itself.
    var parts: [(name: String, model: String?, coefficient: Double)] = company.guides.enumerated().map {
      ("guide \($0 + 1)", $1.model, $1.alpha)
    }
    let hasAmateur = company.amateur != nil || company.contrastPrompt != nil
    if hasAmateur { parts.append((Self.amateur, company.amateur, -company.amateurWeight)) }
    guard !parts.isEmpty else { return nil }
    models = try Dictionary(
      uniqueKeysWithValues: parts.map { name, path, _ in
        guard let path else { return (name, model) }
        let other = try ModelChoice(path, overrides: choice.deviceOverride).load()
        guard other.vocabularySize == model.vocabularySize else {
          throw InputError(
            path: path, expected: "a model of the same \(model.vocabularySize) tokens",
            found: "\(other.vocabularySize)",
            remedy: "All read the same ids, so they need one tokenizer.")
        }
        return (name, other)
      })
    let plausibility = company.plausibility ?? (hasAmateur ? 0.1 : nil)
    guidance = LogitGuidance(
      .init([.init(LogitGuidance.own)] + parts.map { .init($0.name, $0.coefficient) }), plausibility: plausibility)
  }

  /// Guides the continuations of some prompts.
  ///
  /// - Parameter contrast: the prompts as the amateur reads them; nil: as the others do.
  func hook(
    _ prompts: [[Int32]], _ options: GenerationOptions, beside model: any TokenModel, contrast: [[Int32]]?
  ) throws -> LogitsHook {
    try MixedContext(
      guidance, models, beside: model, prompts, options, reading: contrast.map { [Self.amateur: $0] } ?? [:]
    ).hook
  }
}

/// Says which of several answers to a prompt is the best.
enum LoadedJudge {
  case rewardModel(any RewardModel)
  case preferences(PreferenceModel)
  case implicit(ImplicitReward)

  /// - Throws: `InputError` for a run that neither rates responses nor has learnt to prefer some.
  init(_ name: String, reference: String?, overrides: [String]) throws {
    let choice = try ModelChoice(name, overrides: overrides)
    if choice.isOfPreferences {
      self = .preferences(try PreferenceModel(choice))
      return
    }
    self =
      choice.artifacts.settings.reward != nil
      ? .rewardModel(try loadRewardModel(choice)) : .implicit(try ImplicitReward(choice, reference: reference))
  }

  /// A score of each answer, more is better.
  func scores(of answered: [Record]) throws -> [Double] {
    switch self {
    case .implicit(let reward): return try reward.readings(of: answered).map(\.sum)
    case .rewardModel(let model):
      return try model.rewards(of: requests(answered), attributes: false, tokenBudget: nil).map(\.overall.expectation)
    case .preferences(let model): return try model.winRates(of: requests(answered))
    }
  }

  private func requests(_ answered: [Record]) -> [RewardRequest] {
    answered.map { record in
      let messages = record.conversation
      return RewardRequest(messages: messages.asked, response: messages.answer)
    }
  }
}

extension Record {
  /// What is asked as messages, and the answer.
  fileprivate var conversation: (asked: [ChatMessage], answer: String) {
    switch content {
    case .promptCompletion(let prompt, let answer): ([ChatMessage(.user, prompt)], answer ?? "")
    case .text(let text): ([], text)
    case .messages(let messages):
      messages.last?.role == .assistant ? (Array(messages.dropLast()), messages.last?.content ?? "") : (messages, "")
    }
  }
}
