// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
import TokenData
import Training

/// What the margin of two rated responses is.
public enum RatingMargins: String, Sendable, Hashable, CaseIterable {
  /// The difference of their overall scores, divided by the mean of all pairs': a loss that it weighs is of the size of one
  /// that it does not, whatever the scale.
  case relative
  /// The difference itself, as in HelpSteer2-Preference (Wang et al. 2024, arXiv 2410.01257).
  case raw
}

/// Rated responses as a head of scores learns them: each with its scores, or pairs of responses to one question, or all
/// responses to it.
///
/// Pairs are all those of a question whose overall scores differ. A pair's margin is that difference, as
/// ``RatingMargins`` says.
struct RatedExamples: ExampleCollection {
  /// One of two responses to a question, by its index in the data set.
  private struct Pair {
    var chosen: Int
    var rejected: Int
    var margin: Double
  }

  private enum Examples {
    case ratings([[Double]])
    case pairs([Pair])
    case lists([[(index: Int, score: Double)]])
  }

  private let dataset: Dataset
  private let readsTexts: Bool
  private let examples: Examples
  /// Pairs of equal scores, which say nothing; lists of one response, or of equal scores that say nothing.
  let ties: Int

  /// - Throws: `InputError` if no question has two responses of different scores.
  init(
    _ dataset: Dataset, _ loss: RatingObjective.Loss, _ template: RatingTemplate, _ margins: RatingMargins = .relative
  ) throws {
    (self.dataset, readsTexts) = (dataset, loss.readsTexts)
    var groups = [[ChatMessage]: [Int]](), order = [[ChatMessage]](), scores = [[Int]]()
    for index in 0..<dataset.count {
      guard let rated = try dataset.record(index).rated, let found = rated.scores else {
        throw InputError(path: dataset.summary.path, expected: "scores of every response", found: "none of \(index)")
      }
      scores.append(found)
      if groups[rated.messages] == nil { order.append(rated.messages) }
      groups[rated.messages, default: []].append(index)
    }
    if loss.ranksLists {
      let lists = order.compactMap { groups[$0] }.map { $0.map { (index: $0, score: Double(scores[$0][0])) } }
      // Equal scores say nothing of an order, but `listwise` learns that they are equal.
      let told = lists.filter { list in
        list.count > 1 && (loss == .listwise || list.contains { $0.score != list[0].score })
      }
      guard !told.isEmpty else {
        throw InputError(
          path: dataset.summary.path, expected: "a question with several responses, of different scores",
          found: "none (\(order.count) questions)",
          remedy: "Lists are responses to the same prompt, word by word; objective.preset: regression needs none.")
      }
      (ties, examples) = (lists.count - told.count, .lists(told))
      return
    }
    guard loss.comparesPairs else {
      ties = 0
      examples = .ratings(scores.map { zip(template.scales, $0).map { $0.output(ofScore: $1) } })
      return
    }
    var pairs = [Pair](), ties = 0
    for group in order.compactMap({ groups[$0] }) {
      for (place, first) in group.enumerated() {
        for second in group[(place + 1)...] {
          let difference = scores[first][0] - scores[second][0]
          if difference == 0 { ties += 1 }
          if difference > 0 { pairs.append(Pair(chosen: first, rejected: second, margin: Double(difference))) }
          if difference < 0 { pairs.append(Pair(chosen: second, rejected: first, margin: Double(-difference))) }
        }
      }
    }
    guard !pairs.isEmpty else {
      throw InputError(
        path: dataset.summary.path, expected: "a question with two responses of different scores",
        found: "none (\(order.count) questions, \(ties) pairs of equal scores)",
        remedy: "Pairs are responses to the same prompt, word by word; objective.preset: regression needs none.")
    }
    if margins == .relative {
      let mean = pairs.reduce(0) { $0 + $1.margin } / Double(pairs.count)
      for index in pairs.indices { pairs[index].margin /= mean }
    }
    self.ties = ties
    examples = .pairs(pairs)
  }

  var count: Int {
    switch examples {
    case .ratings(let values): values.count
    case .pairs(let pairs): pairs.count
    case .lists(let lists): lists.count
    }
  }

  func example(_ index: Int) throws -> EncodedExample {
    switch examples {
    case .ratings(let values):
      let example = try dataset.example(index)
      return EncodedExample(ids: example.ids, rated: values[index], source: example.source)
    case .pairs(let pairs):
      let pair = pairs[index], chosen = try dataset.example(pair.chosen), rejected = try dataset.example(pair.rejected)
      let source = "\(chosen.source), \(rejected.source)"
      if readsTexts {
        return EncodedExample(
          documents: [chosen, rejected], Responses(.preference), margin: pair.margin, source: source)
      }
      return EncodedExample(chosen: chosen.ids, rejected: rejected.ids, margin: pair.margin, source: source)
    case .lists(let lists):
      let list = lists[index], documents = try list.map { try dataset.example($0.index) }
      return EncodedExample(
        ranked: documents.map(\.ids), scores: list.map(\.score),
        source: documents.map(\.source).joined(separator: ", "))
    }
  }
}
