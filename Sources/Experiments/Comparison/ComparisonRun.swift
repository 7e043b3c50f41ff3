// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Recipes
import Reports
import TokenData
import Training

/// Outcome of one training run of a comparison.
public struct ComparisonOutcome: Codable, Sendable, Equatable {
  /// A point of a curve.
  struct Point: Codable, Sendable, Equatable {
    var step: Int
    var value: Double
  }

  /// Every answer; none where responses are compared.
  var records: [PredictionRecord]
  /// Rewards of the responses that were tested on; nil where answers are compared.
  var responses: ResponseEvaluation?
  /// Cross entropy of training (means over stretches of steps) and of validation; of responses loss and accuracy.
  var training: [Point]
  var validation: [Point]
  /// Norm of the gradient before clipping: mean over all steps, and its standard deviation.
  var gradientNorm: Double
  var gradientNormDeviation: Double
  var steps: Int
  var seconds: Double
  var tokensPerSecond: Double
}

extension ComparisonOutcome {
  /// Trains and tests one variant with one seed.
  init(_ settings: RunSettings, _ context: RunContext) throws {
    var log = StepLog()
    let run = try TrainedRun(settings, context, thenPercent: 10) { log.add($0) }
    guard let source = settings.data.test ?? settings.data.valid else { preconditionFailure("nothing to test on") }
    let test = try run.artifacts.dataset(source), count = min(settings.evaluate.limit ?? .max, test.count)
    let result = try Evaluating(run.artifacts, run.model, test, run: run.folder) { done, _ in
      run.say("testing", done, of: count)
    }
    self = log.outcome(result.records, seconds: run.seconds)
    run.say("done", 1)
  }

  /// Trains one variant with one seed on responses, and asks it which of others are the better ones.
  init(_ artifacts: ResponseArtifacts, _ context: RunContext) throws {
    var log = StepLog(judged: "rewards/accuracies")
    let run = try TrainedRun(artifacts, context, thenPercent: 10) { log.add($0) }
    let test = try artifacts.heldOut(artifacts.testSource), passes = ResponseEvaluation.passes(of: artifacts)
    let found = try ResponseEvaluation(
      artifacts, test, reference: artifacts.testReference(test, .silent), model: { run.model }
    ) { run.say("testing", $0, of: passes * test.count) }
    self = log.outcome([], seconds: run.seconds)
    responses = found
    run.say("done", 1)
  }
}

/// Memory of the steps.
private struct StepLog {
  var validation: [ComparisonOutcome.Point] = []
  /// Measurement that validation is followed by; nil: the first loss term.
  var judged: String?
  private var crossEntropy: [Double] = [], norms: [Double] = []
  private var tokens = 0, seconds = 0.0

  init(judged: String? = nil) { self.judged = judged }

  var steps: Int { crossEntropy.count }

  mutating func add(_ event: TrainingEvent) {
    switch event {
    case .step(let step): add(step)
    case .validation(let result):
      guard let judged else {
        return validation.append(.init(step: result.step, value: result.lossTerms.first?.value ?? result.loss))
      }
      let found = result.measurements?.first { $0.name == judged }
      if let found { validation.append(.init(step: result.step, value: found.value)) }
    default: break
    }
  }

  private mutating func add(_ step: StepMetrics) {
    crossEntropy.append(step.lossTerms.first?.value ?? step.loss)
    norms.append(step.gradientNorm)
    tokens += step.tokens
    seconds += step.seconds
  }

  func outcome(_ records: [PredictionRecord], seconds total: Double) -> ComparisonOutcome {
    let stretch = max(1, steps / 200)
    let curve = stride(from: 0, to: steps, by: stretch).map { start in
      let part = crossEntropy[start..<min(start + stretch, steps)]
      return ComparisonOutcome.Point(step: start + part.count, value: part.reduce(0, +) / Double(part.count))
    }
    let norm = Measurements(norms)
    return ComparisonOutcome(
      records: records, responses: nil, training: curve, validation: validation, gradientNorm: norm.mean,
      gradientNormDeviation: norm.count > 1 ? norm.standardDeviation : 0, steps: steps, seconds: total,
      tokensPerSecond: Double(tokens) / max(seconds, 1e-9))
  }
}
