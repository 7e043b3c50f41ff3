import Evaluation
import Files
import Foundation
import TokenData
import TorchNN

/// What a model answered at some moment of its training.
struct Sample: Codable, Sendable {
  var step: Int
  var id: String
  var prompt: String
  var reference: String
  var answer: String
}

/// Lets the model answer a few examples now and then, so that one sees early whether it learns what was meant.
final class Sampler {
  private let dataset: Dataset
  private let answering: Answering
  private let count: Int
  private let path: String
  private(set) var samples: [Sample] = []

  /// - Parameter path: `samples.jsonl`.
  init(_ dataset: Dataset, _ answering: Answering, count: Int, path: String) {
    (self.dataset, self.answering, self.count, self.path) = (dataset, answering, min(count, dataset.count), path)
  }

  /// Takes up what a run wrote before it was interrupted.
  func resume(after step: Int) {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return }
    samples = text.split(separator: "\n").compactMap { try? JSONDecoder().decode(Sample.self, from: Data($0.utf8)) }
      .filter { $0.step <= step }
  }

  /// Answers the first examples and keeps what was said.
  func take(_ model: any TokenModel, step: Int) throws -> [Sample] {
    let items = try (0..<count).map { try answering.item(dataset.record($0)) }
    let answers = try answering.answers(items, model)
    let new = zip(items, answers).map {
      Sample(step: step, id: $0.id, prompt: $0.prompt, reference: $0.reference, answer: $1.text)
    }
    samples.removeAll { $0.step == step }
    samples += new
    try writeJSONLines(samples, to: path)
    return new
  }
}
