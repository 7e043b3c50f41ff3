// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Reports

extension ResponseEvaluation {
  /// A figure with its interval.
  public struct Figure: Sendable, Hashable, Codable {
    /// Its name: `rewards/accuracies`.
    public var name: String
    /// A mean or share; nil where nothing was counted.
    public var value: Double?
    /// 95 % interval over prompts (bootstrap, percentiles); nil where there is none.
    public var interval: [Double]?
    /// What was counted.
    public var count: Int
  }

  /// What is counted prompt by prompt, of prompts with responses of unequal worth.
  public enum Item: String, Sendable, Hashable, Codable, CaseIterable {
    /// Share of the pairs of unequal responses whose rewards are in their order.
    case accuracy = "rewards/accuracies"
    /// The same by the model's own log-probabilities.
    case likelihood = "logps/accuracies"
    /// Σ softmax(reward)·score: of a pair the probability that the model gives to the better one.
    case expectedScore = "score/expected"
    /// Score of the response with the highest reward; ties share.
    case bestScore = "score/best"
    /// Share of the pairs in which the longer response is the better one, ties half: what length alone would get.
    case longerIsBetter = "length/longer_is_better"
  }

  /// Accuracy, margin, expected score, and what length alone explains.
  public var figures: [Figure] { figures(withIntervals: true) }

  /// The same.
  ///
  /// - Parameter withIntervals: without, nothing is drawn.
  package func figures(withIntervals: Bool) -> [Figure] {
    let draw = withIntervals ? Bootstrap(resamples: 1000, method: .percentile) : nil
    return isSingle ? singleFigures(draw) : groupFigures(draw)
  }

  /// A value for each prompt with responses of unequal worth, in order.
  package func items(_ item: Item) -> [Double] {
    zip(judged, worths).compactMap { judged, worth in
      switch item {
      case .accuracy: worth.accuracy(of: judged.rewards)
      case .likelihood: worth.accuracy(of: judged.logps)
      case .expectedScore: worth.expected { Weights(softmax: judged.rewards) }
      case .bestScore: worth.expected { Weights(best: judged.rewards) }
      case .longerIsBetter: worth.order(of: judged.tokens.map(Double.init), tie: 0.5)
      }
    }
  }

  var isSingle: Bool { worths.allSatisfy { $0.count == 1 } }

  private func groupFigures(_ draw: Bootstrap?) -> [Figure] {
    let margins = zip(judged, worths).compactMap { judged, worth -> Double? in
      let best = worth.bestIndex, others = judged.rewards.indices.filter { $0 != best }
      guard !others.isEmpty, !worth.orderedPairs.isEmpty else { return nil }
      return judged.rewards[best] - others.reduce(0) { $0 + judged.rewards[$1] } / Double(others.count)
    }
    func mean(_ item: Item) -> Figure { Figure(item.rawValue, items(item), draw) }
    // Of a pair the score of the best is its accuracy.
    let isScored = worths.contains { if case .scores = $0 { true } else { false } }
    return [
      mean(.accuracy), Figure("rewards/margins", margins, draw), mean(.likelihood), mean(.expectedScore),
    ] + (isScored ? [mean(.bestScore)] : []) + lengthFigures(draw)
  }

  /// Pairs by which response is longer, and how the difference of rewards goes with that of lengths.
  private func lengthFigures(_ draw: Bootstrap?) -> [Figure] {
    var longer = [Double](), shorter = [Double](), better = [Double](), wins = [Double]()
    var rewards = [Double](), lengths = [Double]()
    for (judged, worth) in zip(judged, worths) {
      for pair in worth.orderedPairs {
        let difference = judged.tokens[pair.better] - judged.tokens[pair.worse]
        let reward = judged.rewards[pair.better] - judged.rewards[pair.worse]
        if difference > 0 {
          longer.append(reward > 0 ? 1 : 0)
        } else if difference < 0 {
          shorter.append(reward > 0 ? 1 : 0)
        }
        better.append(difference > 0 ? 1 : difference == 0 ? 0.5 : 0)
        if difference != 0 { wins.append(reward == 0 ? 0.5 : (reward > 0) == (difference > 0) ? 1 : 0) }
        // In the order of the file's responses, not of their worth.
        let sign = pair.better < pair.worse ? 1.0 : -1
        rewards.append(sign * reward)
        lengths.append(sign * Double(difference))
      }
    }
    return [
      Figure("length/accuracy_if_better_is_longer", longer, draw),
      Figure("length/accuracy_if_better_is_shorter", shorter, draw), Figure(Item.longerIsBetter.rawValue, better, draw),
      Figure("length/longer_wins", wins, draw), Figure("length/correlation", rewards, with: lengths),
    ]
  }

  /// Of single responses: the mean rewards of wanted and unwanted ones, and how often a wanted one is above an unwanted
  /// one.
  private func singleFigures(_ draw: Bootstrap?) -> [Figure] {
    func rewards(_ isWanted: Bool) -> [Double] {
      zip(judged, worths).filter { $1.isGood(0) == isWanted }.flatMap { $0.0.rewards }
    }
    let wanted = rewards(true), unwanted = rewards(false)
    return [
      Figure("rewards/chosen", wanted, draw), Figure("rewards/rejected", unwanted, draw),
      Figure(
        name: "rewards/area_under_curve", value: shareAbove(wanted, unwanted), interval: nil,
        count: wanted.count * unwanted.count),
      Figure("length/correlation", judged.map { $0.rewards[0] }, with: judged.map { Double($0.tokens[0]) }),
    ]
  }
}

/// Share of the pairs of a value of one list with one of another in which the first is above, ties half; nil without
/// pairs. Both are walked through once in their order.
func shareAbove(_ values: [Double], _ others: [Double]) -> Double? {
  guard !values.isEmpty, !others.isEmpty else { return nil }
  let others = others.sorted()
  var below = 0, upTo = 0, sum = 0.0
  for value in values.sorted() {
    while below < others.count, others[below] < value { below += 1 }
    while upTo < others.count, others[upTo] <= value { upTo += 1 }
    sum += Double(below + upTo) / 2
  }
  return sum / Double(values.count * others.count)
}

extension ResponseEvaluation.Figure {
  /// A mean.
  ///
  /// - Parameter draw: of its interval; nil for none.
  fileprivate init(_ name: String, _ values: [Double], _ draw: Bootstrap?) {
    let interval = values.count > 1 ? draw?.interval(of: values) : nil
    self.init(
      name: name, value: values.isEmpty ? nil : values.reduce(0, +) / Double(values.count),
      interval: interval.map { [$0.low, $0.high] }, count: values.count)
  }

  /// A rank correlation.
  fileprivate init(_ name: String, _ values: [Double], with others: [Double]) {
    let correlation = Correlation.spearman(values, others)
    self.init(name: name, value: correlation.isFinite ? correlation : nil, interval: nil, count: values.count)
  }

  var isShare: Bool { ["accurac", "longer_", "area"].contains { name.contains($0) } }

  /// In words.
  package var label: String {
    switch name {
    case "rewards/accuracies": "pairs in the right order, by reward"
    case "rewards/margins": "margin of rewards"
    case "logps/accuracies": "pairs in the right order, by log π"
    case "score/expected": "expected score, by softmax of rewards"
    case "score/best": "score of the highest reward"
    case "length/accuracy_if_better_is_longer": "… where the better is longer"
    case "length/accuracy_if_better_is_shorter": "… where the better is shorter"
    case "length/longer_is_better": "pairs whose better is longer"
    case "length/longer_wins": "pairs whose longer has the higher reward"
    case "length/correlation": "reward with length, Spearman ρ"
    case "rewards/chosen": "reward of wanted responses"
    case "rewards/rejected": "reward of unwanted responses"
    case "rewards/area_under_curve": "wanted above unwanted"
    default: name
    }
  }
}

/// Shares of one by which responses are drawn.
private struct Weights {
  var values: [Double]

  init(softmax rewards: [Double]) {
    let top = rewards.max() ?? 0, powers = rewards.map { exp($0 - top) }, sum = powers.reduce(0, +)
    values = powers.map { $0 / sum }
  }

  /// All of it on the best, which share it.
  init(best rewards: [Double]) {
    let top = rewards.max() ?? 0, count = rewards.count { $0 == top }
    values = rewards.map { $0 == top ? 1 / Double(count) : 0 }
  }
}

extension Worth {
  /// Share of the pairs of unequal responses whose values are strictly in their order; nil without such pairs.
  func accuracy(of values: [Double]) -> Double? { order(of: values, tie: 0) }

  /// The same with ties counting as much as `tie`.
  fileprivate func order(of values: [Double], tie: Double) -> Double? {
    let pairs = orderedPairs
    guard !pairs.isEmpty else { return nil }
    let right = pairs.reduce(0.0) { sum, pair in
      sum + (values[pair.better] > values[pair.worse] ? 1 : values[pair.better] == values[pair.worse] ? tie : 0)
    }
    return right / Double(pairs.count)
  }

  /// The score expected of a response that is drawn by weights; nil without unequal responses. Of a preference it is the
  /// probability of being the better one.
  fileprivate func expected(_ weights: () -> Weights) -> Double? {
    guard !orderedPairs.isEmpty else { return nil }
    let scores: [Double]
    switch self {
    case .preference(let probability): scores = [probability, 1 - probability]
    case .scores(let given): scores = given
    case .label: return nil
    }
    return zip(weights().values, scores).reduce(0) { $0 + $1.0 * $1.1 }
  }
}
