// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Reports
import TokenData
import TorchNN

/// Lets the model answer some validation examples now and then: the error of the task stands beside the loss, which may
/// fall while answers get no better.
struct TaskErrorProbe {
  private let answering: Answering
  private let items: [EvaluationItem]

  /// Names in `metrics.jsonl`.
  static let error = "valid/mae", readable = "valid/readable"

  /// Nil where answers are no numbers, or nothing is to be answered (`train.answers: 0`).
  init?(_ artifacts: any TrainingArtifacts, _ examples: (any RunExamples)?, longestAnswer: Int) throws {
    let most = artifacts.settings.train.answers
    guard most > 0, let artifacts = artifacts as? RunArtifacts, artifacts.rating == nil,
      artifacts.settings.reward == nil,
      let dataset = examples as? Dataset, artifacts.settings.metrics.contains(where: \.tokens.areNumbers)
    else { return nil }
    let answering = Answering(artifacts, longestAnswer: longestAnswer)
    let count = min(most, dataset.count)
    // Spread evenly, the same at every validation.
    let items = try (0..<count).map { try answering.item(dataset.record($0 * dataset.count / count)) }
      .filter { !$0.truth.isEmpty }
    guard !items.isEmpty else { return nil }
    (self.answering, self.items) = (answering, items)
  }

  /// Mean absolute error of the readable answers, and the share of those.
  func measure(_ model: any TokenModel) throws -> [(name: String, value: Double)] {
    let summary = EvaluationSummary(try answering.records(items, model), metrics: [.mae, .parseRate])
    return [(Self.error, summary[.mae]), (Self.readable, summary[.parseRate])].compactMap { name, value in
      value.map { (name, $0) }
    }
  }

  /// For a line below the validation's loss.
  static func text(_ figures: [(name: String, value: Double)], of count: Int) -> String? {
    let found = Dictionary(figures) { first, _ in first }
    guard let error = found[Self.error] else { return nil }
    let readable = found[Self.readable].map { $0 < 1 ? ", \(Quantity.percent($0)) readable" : "" } ?? ""
    return "mean absolute error of \(count) answers \(Quantity.number(error))\(readable)"
  }

  var count: Int { items.count }
}
