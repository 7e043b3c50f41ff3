// SPDX-License-Identifier: Apache-2.0
import Files
import MetricTokens
import Objectives
import TokenData

extension RunSettings {
  /// The metrics over their token spaces.
  ///
  /// - Parameter codeBook: where embeddings are, if a distance names no file of its own.
  /// - Throws: `InputError` naming the key.
  func distanceLosses(
    codeBook: String? = nil, _ space: (MetricSettings) throws -> TokenSpace
  ) throws -> [DistanceLoss] {
    try metrics.enumerated().map { index, metric in
      let key = "metrics[\(index)]"
      let space = try naming("\(key).tokens") { try space(metric) }
      let temperature = metric.temperature == nil ? "objective.temperature" : "\(key).temperature"
      return try naming("\(key).distance", temperature: temperature) {
        try metric.distanceLoss(space, objective, codeBook: codeBook)
      }
    }
  }

  /// Loss to minimise.
  ///
  /// - Parameter embeddings: the model's output embeddings, which `emo` reads.
  /// - Throws: `InputError` naming the key.
  func objective(
    _ distanceLosses: [DistanceLoss], vocabularySize: Int, embeddings: () throws -> CodeBook
  ) throws -> Objective {
    for (index, distanceLoss) in distanceLosses.enumerated() {
      try naming("metrics[\(index)].tokens") { try distanceLoss.space.check(vocabularySize: vocabularySize) }
    }
    return try naming("objective.preset") {
      let isEverywhere = objective.preset == .emo
      let objective = try Objective(
        objective.preset,
        distanceLosses: isEverywhere ? [.everywhere(vocabularySize, embeddings())] : distanceLosses,
        alpha: objective.alpha, smoothing: objective.smoothing,
        weights: isEverywhere ? nil : metrics.map(\.weight), reduction: objective.reduction,
        balance: objective.parameters.balance)
      try objective.check(vocabularySize: vocabularySize)
      return objective
    }
  }
}

extension RunSettings {
  /// What is asked of a head of scores; nil where answers are learnt.
  ///
  /// - Throws: `InputError` for a temperature that scores of responses cannot have.
  var ratingObjective: RatingObjective? {
    get throws {
      guard let loss = objective.preset.rating else { return nil }
      if loss.readsTexts { return RatingObjective(loss, text: try textRegularization) }
      guard loss == .listwise || loss.givesEmbeddings else { return RatingObjective(loss) }
      guard case .value(let temperature) = objective.temperature, temperature.isFinite else {
        throw InputError(
          path: path, place: "key objective.temperature", expected: "a number, τ of the scores of responses",
          found: "a perplexity", remedy: "Perplexities are of distances between tokens.")
      }
      guard temperature > 0 || !loss.givesEmbeddings else {
        throw InputError(
          path: path, place: "key objective.temperature",
          expected: "a number above 0, which divides preferences, as objective.preset is \(loss.rawValue)",
          found: "\(temperature)", remedy: "The authors' is 0.1.")
      }
      return RatingObjective(loss, temperature: temperature)
    }
  }
}

extension RunSettings {
  /// The loss of texts beside a head of scores.
  private var textRegularization: TextRegularization {
    get throws {
      let p = objective.parameters, weight = p.weight ?? TextRegularization().weight, beta = p.beta ?? 0.1
      guard (0...1).contains(weight) else {
        throw InputError(
          path: path, place: "key objective.weight", expected: "a share from 0 to 1, that of the texts",
          found: "\(weight)", remedy: "The authors' is 0.01.")
      }
      let term: TextRegularization.Term =
        switch p.text ?? .likelihood {
        case .likelihood: .likelihood
        case .logistic: .logistic(beta: beta)
        case .preference: .preference(beta: beta)
        }
      return TextRegularization(term, weight: weight)
    }
  }
}

extension DistanceLoss {
  /// Cosine distances between the output embeddings of the whole vocabulary.
  fileprivate static func everywhere(_ vocabularySize: Int, _ embeddings: CodeBook) throws -> DistanceLoss {
    try DistanceLoss(
      .all(vocabularySize, name: "vocabulary"), target: TargetDistribution(CosineDistance(embeddings), temperature: 1),
      divergence: .expectedDistance, name: "emo")
  }
}

extension MetricSettings {
  /// The distance loss of this metric, as preset `dist` would have it.
  ///
  /// - Parameter codeBook: where embeddings are, if the distance names no file of its own.
  func distanceLoss(_ space: TokenSpace, _ objective: ObjectiveSettings, codeBook: String? = nil) throws -> DistanceLoss
  {
    if space.unit == .character || space.unit == .piece {
      let replaces = (whole.crossEntropy ?? objective.preset.crossEntropy) == .replaced
      // Without cross entropy only the vocabulary's softmax keeps a model to the characters of numbers.
      return try DistanceLoss(
        space, target: .oneHot, softmax: replaces ? .vocabulary : objective.softmax, name: name)
    }
    if whole.isHistogram(under: objective.preset) {
      // Targets come with the examples; a replaced cross entropy leaves the vocabulary's softmax to it.
      return try DistanceLoss(
        space, target: .oneHot, softmax: whole.crossEntropy == .replaced ? .vocabulary : objective.softmax, name: name)
    }
    return try DistanceLoss(
      space,
      target: TargetDistribution(
        distance.make(embeddings: codeBook), temperature: temperature ?? objective.temperature),
      softmax: objective.softmax, direction: objective.direction, place: place, contrast: contrast, name: name)
  }

  /// - Parameter preset: whether numbers are taught whole, and so need all characters that they are written with.
  func space(_ tokenizer: Tokenizer, _ preset: Preset) throws -> TokenSpace {
    if whole.areTaught(by: preset) {
      switch tokens {
      case .digits: return try .characters(of: tokenizer, name: name)
      case .numbers: return try .pieces(of: tokenizer, name: name)
      case .integers, .scores, .labels, .bins, .numberedBins, .ids, .codebook:
        throw TokenSpaceError(
          space: name, problem: "whole values are written with digits, not with tokens of their own",
          remedy: "Take tokens: digits, tokens: numbers, or preset dist, which takes any.")
      }
    }
    return switch tokens {
    case .digits: try .digits(of: tokenizer, spacing: spacing, name: name)
    case .numbers: try .numbers(of: tokenizer, spacing: spacing, duplicates: duplicates, name: name)
    case .scores(let range):
      // The digits that occur, where the numbers are no tokens: exact either way.
      try (try? .integers(range, of: tokenizer, spacing: spacing, name: name))
        ?? .digits(of: tokenizer, spacing: spacing, name: name)
    case .integers(let range): try .integers(range, of: tokenizer, spacing: spacing, name: name)
    case .labels(let texts): try .labels(texts, of: tokenizer, name: name)
    case .bins, .numberedBins:
      try .bins((tokens.bins ?? []).map { ($0.token, $0.value) }, of: tokenizer, name: name)
    case .ids(let first, let count, let low, let high):
      try .ids(first: Int32(clamping: first), count: count, from: low, to: high, name: name)
    case .codebook(let first, let count): try .all(count, firstID: Int32(clamping: first), name: name)
    }
  }
}
