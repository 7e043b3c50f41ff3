// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import Reports
import TokenData
import TorchNN

/// Answer of a model at some moment of its training.
struct Sample: Codable, Sendable {
  var step: Int
  var id: String
  var prompt: String
  var reference: String
  var answer: String
}

/// Lets the model answer a few examples now and then: `samples.jsonl`.
final class TextSamples: ProgressSamples {
  private let item: (Int) throws -> EvaluationItem
  private let answering: Answering
  private let count: Int
  private let path: String
  private var samples: [Sample] = []

  /// - Parameters:
  ///   - count: how many are asked.
  ///   - path: `samples.jsonl`.
  ///   - item: question and right answer of one of them.
  init(_ answering: Answering, count: Int, path: String, item: @escaping (Int) throws -> EvaluationItem) {
    (self.answering, self.count, self.path, self.item) = (answering, count, path, item)
  }

  func resume(after step: Int) {
    guard let bytes = try? fileBytes(path), let text = String(validating: bytes, as: UTF8.self) else { return }
    samples = text.split(separator: "\n").compactMap { try? JSONDecoder().decode(Sample.self, from: Data($0.utf8)) }
      .filter { $0.step <= step }
  }

  func take(_ model: any TokenModel, step: Int, _ display: TrainDisplay) throws {
    guard count > 0 else { return }
    let items = try (0..<count).map(item)
    let answers = try answering.answers(items, model)
    let new = zip(items, answers).map {
      Sample(step: step, id: $0.id, prompt: $0.prompt, reference: $0.reference, answer: $1.text)
    }
    samples.removeAll { $0.step == step }
    samples += new
    try writeJSONLines(samples, to: path)
    display.show(new)
  }

  func add(to page: inout HTMLReport) {
    guard !samples.isEmpty else { return }
    page.section("Answers as training went on")
    page.table(table)
  }

  private var table: Table {
    let shown = Set(samples.map(\.step)).sorted().spread
    var table = Table(
      columns: [Table.Column("example"), Table.Column("right")] + shown.map { Table.Column("step \($0)") })
    var ids = [String]()
    for sample in samples where !ids.contains(sample.id) { ids.append(sample.id) }
    for id in ids {
      let own = samples.filter { $0.id == id }
      guard let first = own.first else { continue }
      table.add(
        [.text(id), .text(first.reference)]
          + shown.map { step in own.first { $0.step == step }.map { .text($0.answer) } ?? .missing })
    }
    return table
  }
}

extension RunArtifacts {
  /// Shows now and then how far the model is.
  public func samples(
    _ examples: any RunExamples, longestAnswer: Int, _ folder: RunFolder
  ) -> any ProgressSamples {
    // A head of scores has nothing to say.
    let dataset = rating == nil ? examples as? Dataset : nil
    let answering = Answering(self, longestAnswer: longestAnswer)
    return TextSamples(answering, count: min(settings.train.samples, dataset?.count ?? 0), path: folder.samples) {
      guard let dataset else { preconditionFailure("samples without examples") }
      return try answering.item(dataset.record($0))
    }
  }
}
