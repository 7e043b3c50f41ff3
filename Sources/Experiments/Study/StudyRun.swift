// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import Recipes
import Reports
import TorchNN
import TokenData
import TokenModels
import Training

/// Outcome of one training run of the study.
public struct StudyOutcome: Codable, Sendable, Equatable {
  /// Figures on the test examples by `EvaluationMetric` name: of the checkpoint with the lowest validation loss, the
  /// variant's own, and of the last step.
  var best: [String: Double], last: [String: Double]
  /// The step of that checkpoint.
  var bestStep: Int
  /// Of training alone.
  var seconds: Double
  /// Mean absolute error of always saying the training answers' median.
  var medianError: Double

  /// A figure; NaN where there was nothing to measure.
  func figure(_ metric: EvaluationMetric, _ rule: StudySummary.Selection) -> Double {
    (rule == .best ? best : last)[metric.rawValue] ?? .nan
  }
}

/// Trains one variant on one problem with one seed and tests it.
struct StudyRun {
  private let artifacts: RunArtifacts
  private let answers: StudyAnswers

  static let metrics: [EvaluationMetric] = [
    .readOutMAE, .crps, .nll, .mae, .clippedMAE, .medianError, .exactMatch, .parseRate, .coverage, .mass,
  ]

  /// - Parameter place: the run's folder, for the model it begins with and its checkpoints.
  init(_ variant: StudyVariant, _ files: StudyFiles, seed: Int, steps: Int, in place: String) throws {
    let model = place + "/model"
    try NewLanguageModel(width: 64, layers: 2, heads: 4, contextLength: 128, seed: UInt64(seed)).write(to: model)
    answers = try StudyAnswers(files)
    var settings = Self.settings(model, files, seed: seed, steps: steps)
    variant.apply(to: &settings, deviation: answers.deviation)
    settings.output = place + "/run"
    artifacts = try RunArtifacts(settings)
  }

  /// Settings without what variants change.
  static func settings(_ model: String, _ files: StudyFiles, seed: Int, steps: Int) -> RunSettings {
    let every = max(1, steps / 8)
    var settings = RunSettings(
      model: model,
      data: DataSettings(
        train: DataSource(files.train), valid: DataSource(files.valid), test: DataSource(files.test)),
      metrics: [MetricSettings(name: "y", tokens: .digits)],
      train: TrainSettings(
        length: .steps(steps), batch: 32, learningRate: 1e-3, schedule: .cosine, seed: UInt64(seed),
        validateEvery: every, checkpointEvery: every, fromScratch: true, samples: 0, answers: 0),
      // The median is what an absolute error is least with.
      // Intervals over examples are not asked for: one figure, which takes no time.
      evaluate: EvaluateSettings(
        metrics: [.mae], maxNewTokens: 12, distribution: true, readOut: .median, width: 256))
    settings.path = "study"
    return settings
  }

  func outcome() throws -> StudyOutcome {
    let training = TrainRun(artifacts, command: "", terminal: .silent)
    let trained = try training.train(), finish = trained.finish
    let last = try figures(trained.model, training.folder)
    var best = last
    let bestStep = finish.best?.step ?? finish.step
    if bestStep != finish.step {
      best = try figures(loadModel(folder: training.chosenCheckpoint(finish)), training.folder)
    }
    return StudyOutcome(
      best: best, last: last, bestStep: bestStep, seconds: finish.seconds, medianError: answers.medianError)
  }

  private func figures(_ model: any TokenModel, _ run: RunFolder) throws -> [String: Double] {
    guard let source = artifacts.settings.data.test else { preconditionFailure("a study without test examples") }
    let result = try Evaluating(artifacts, model, artifacts.dataset(source), run: run)
    let answers = TrainingAnswers(artifacts)
    // Who says no number is as wrong as one who has learnt nothing.
    return EvaluationSummary(
      result.records, metrics: Self.metrics, unreadable: answers?.median.map { .constant($0) } ?? .leftOut,
      range: answers?.range
    ).figures
  }
}

/// Facts of a problem's answers before anything is trained.
private struct StudyAnswers {
  let deviation: Double, medianError: Double

  init(_ files: StudyFiles) throws {
    func numbers(_ path: String) throws -> [Double] {
      let file = try JSONLFile(path)
      return try (0..<file.count).map { index in
        let line = try file.record(index).at("completion"), text = try line.string()
        guard let value = Double(text.trimmingCharacters(in: .whitespaces)), value.isFinite else {
          throw InputError(path: file.name(index), expected: "an answer that is a number", found: text)
        }
        return value
      }
    }
    let train = Measurements(try numbers(files.train)), test = try numbers(files.test)
    guard train.count > 1, !test.isEmpty else {
      throw InputError(path: files.train, expected: "two answers and more that are numbers", found: "\(train.count)")
    }
    deviation = train.standardDeviation
    let median = train.median
    medianError = test.reduce(0) { $0 + abs($1 - median) } / Double(test.count)
  }
}
