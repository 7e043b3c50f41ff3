// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Objectives
public import Reports
import TokenData

/// Inspection of a run's data, token by token, before training.
public struct Inspection {
  /// One token of an example.
  struct Token {
    var text: String
    var isLearnt: Bool
    /// Index of the metric it belongs to.
    var metric: Int?
    /// Holds digits of a metric's number, but is no candidate.
    var isUncovered: Bool
  }

  /// A metric token and its target.
  struct Target {
    var token: Int
    var metric: Int
    var text: String
    var place: PlaceValue
    /// Weight among the metric's tokens.
    var weight: Double
    /// Candidates by probability, the most probable first.
    var distribution: [(text: String, probability: Double)]
    /// Perplexity of that.
    var perplexity: Double
    /// The contrastive token, where contrast draws one.
    var contrastiveExample: String?
  }

  /// An example, taken apart.
  struct Example {
    var name: String
    var tokens: [Token]
    var targets: [Target]
  }

  let artifacts: RunArtifacts
  let summary: DatasetSummary
  let examples: [Example]
  /// What is said of numbers that are taught whole.
  private let coverage: [String]
  /// What was found in all splits.
  let doctor: DataDoctor
  /// What training takes.
  let memory: TrainingMemory

  /// Looks at the training file.
  ///
  /// - Parameters:
  ///   - count: how many examples are shown.
  ///   - line: only the one of this line.
  /// - Throws: `InputError` for data that cannot be used.
  public init(_ artifacts: RunArtifacts, count: Int = 3, line: Int? = nil, terminal: Terminal = .standardError) throws {
    let data = artifacts.settings.data
    guard let source = data.train ?? data.valid ?? data.test else {
      throw InputError(
        path: artifacts.settings.path, place: "key data.train", expected: "a file of examples", found: "no such key",
        remedy: "Add `data: { train: train.jsonl }`.")
    }
    let dataset = try ProgressBar.quick("reading", unit: "line", terminal: terminal) { progress in
      try artifacts.dataset(source, limit: data.limit, progress: progress)
    }
    self.artifacts = artifacts
    summary = dataset.summary
    coverage = try artifacts.coverageRemarks(dataset, path: source.path)
    memory = try artifacts.settings.trainingMemory(artifacts.modelFolder)
    doctor = try DataDoctor(artifacts, first: dataset, terminal: terminal)
    let sampler = artifacts.objective.contrastiveSampler(seed: artifacts.settings.train.seed)
    var chosen = [(index: Int, record: Record)]()
    for index in 0..<dataset.count where chosen.count < (line == nil ? count : 1) {
      let record = try dataset.record(index)
      if line == nil || record.source.hasSuffix(" line \(line ?? 0)") { chosen.append((index, record)) }
    }
    if let line, chosen.isEmpty {
      throw InputError(
        path: source.path, place: "line \(line)", expected: "an example", found: "none, or one left out",
        remedy: "Lines count from 1; what data.skipBad and data.limit leave out is not shown.")
    }
    examples = try chosen.map { index, record in
      let analysis = try artifacts.encoder.analyze(record)
      var shown = analysis
      if let teacher = artifacts.teacher {
        shown.example = try teacher.taught(analysis.example, epoch: 0, index: index, draws: false)
      }
      return Example(artifacts, shown, sampler?.contrastiveExample(of: analysis.example, epoch: 0, index: index))
    }
  }

  /// Warnings about frequent mistakes.
  public var warnings: [String] {
    var warnings =
      artifacts.settingsRemarks + summary.remarks(artifacts.settings) + coverage + doctor.remarks + valueWarnings
    for (index, distanceLoss) in artifacts.distanceLosses.enumerated() {
      let metric = artifacts.settings.metrics[index], counts = summary.metrics[index]
      if counts.tokens == 0 {
        warnings.append(
          "metric \(metric.name): no metric token found in \(summary.examples) examples, so nothing would carry a distance"
        )
      }
      if counts.uncovered > 0, distanceLoss.space.unit == .piece {
        warnings.append(
          "metric \(metric.name): the tokenizer writes some numbers together with other characters: these are learnt by "
            + "cross entropy alone. metrics.\(metric.name).tokens: digits teaches them")
      } else if counts.uncovered > 0 {
        warnings.append(
          "metric \(metric.name): the tokenizer writes digits as part of longer tokens; set data.splitDigits: true, or "
            + "metrics.\(metric.name).tokens: numbers")
      }
      warnings += sharpness(distanceLoss)
    }
    return warnings
  }

  private func sharpness(_ distanceLoss: DistanceLoss) -> [String] {
    let resolved = distanceLoss.resolved, count = distanceLoss.space.count
    guard resolved.temperatures.first ?? 0 > 0, count <= 2048 else { return [] }
    let perplexity = resolved.perplexity()
    let tau = Quantity.number(resolved.temperatures[0])
    if perplexity < 1.02 {
      return [
        "metric \(distanceLoss.name): τ = \(tau) is so small that targets are one-hot (perplexity "
          + "\(Quantity.number(perplexity))): the distance changes nothing, as with preset vocab"
      ]
    }
    if perplexity > 0.9 * Double(count) {
      return [
        "metric \(distanceLoss.name): τ = \(tau) is so large that targets are nearly flat (perplexity "
          + "\(Quantity.number(perplexity)) of \(count)): the model is pushed towards any candidate"
      ]
    }
    return []
  }
}

extension Inspection.Example {
  fileprivate init(_ artifacts: RunArtifacts, _ analysis: ExampleAnalysis, _ contrastiveExample: ContrastiveExample?) {
    let example = analysis.example, tokenizer = artifacts.tokenizer
    let metrics = Dictionary(example.metrics.map { ($0.position, $0) }) { first, _ in first }
    let uncovered = Set(analysis.found.flatMap { $0.flatMap(\.uncovered) })
    func text(_ id: Int32) -> String { tokenizer.text(of: id) ?? tokenizer.token(of: id) ?? "?" }
    name = analysis.record.id.map { "\(analysis.record.source) (\($0))" } ?? analysis.record.source
    // An image's tokens are all alike: the first says how many there are.
    let images = Dictionary(
      example.images.flatMap { image in image.tokens.map { ($0, $0 == image.position ? " x \(image.count)" : nil) } }
    ) { first, _ in first }
    tokens = example.ids.enumerated().map { index, id in
      Inspection.Token(
        text: images[index].map { count in count.map { text(id) + $0 } ?? "" } ?? text(id),
        isLearnt: index > 0 && example.supervised[index], metric: metrics[index]?.metric,
        isUncovered: uncovered.contains(index))
    }
    targets = example.metrics.enumerated().map { order, position in
      let distanceLoss = artifacts.distanceLosses[position.metric]
      let (ids, probabilities) = distanceLoss.target(at: position)
      let sorted = probabilities.enumerated().sorted { ($0.element, -$0.offset) > ($1.element, -$1.offset) }
      let drawn = contrastiveExample.flatMap { $0.differences[order] == nil ? nil : $0.ids[position.position] }
      return Inspection.Target(
        token: position.position, metric: position.metric, text: text(example.ids[position.position]),
        place: position.place, weight: distanceLoss.place.weight(of: position.place),
        distribution: sorted.prefix(10).map { (text(ids[$0.offset]), $0.element) },
        perplexity: exp(probabilities.reduce(0) { $0 - ($1 > 0 ? $1 * log($1) : 0) }),
        contrastiveExample: drawn.map(text))
    }
  }
}

extension DistanceLoss {
  /// The candidates at a position, and the target over them.
  fileprivate func target(at position: MetricPosition) -> (ids: [Int32], probabilities: [Double]) {
    guard let given = position.given else {
      return (space.ids, resolved.probabilities(around: position.candidate))
    }
    return (
      space.ids + [given.end].compactMap { $0 }, given.probabilities + (given.end == nil ? [] : [given.endProbability])
    )
  }
}
