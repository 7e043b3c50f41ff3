// SPDX-License-Identifier: Apache-2.0
/// Events of a run: plain values, so that a line of `metrics.jsonl`, a TensorBoard scalar or a
/// progress bar can be made of them without knowing the trainer.
public enum TrainingEvent: Sendable, Hashable, Codable {
  /// Before the first step, also of a run that goes on from a checkpoint.
  case started(StartMetrics)
  /// After an optimizer step.
  case step(StepMetrics)
  /// After the validation examples were scored.
  case validation(ValidationMetrics)
  /// After a checkpoint was written.
  case checkpoint(CheckpointMetrics)
  /// After the last step, whyever it was the last.
  case finished(FinishMetrics)
}

/// A part of the loss: loss = Σ weight · value.
public struct LossTermMetrics: Sendable, Hashable, Codable {
  /// Its name in the objective: `ce`, the distance loss's, `bradleyTerry`.
  public var name: String
  /// α; 1 for an objective's first.
  public var weight: Double
  /// Its value before α.
  public var value: Double

  /// Memberwise.
  public init(name: String, weight: Double, value: Double) {
    (self.name, self.weight, self.value) = (name, weight, value)
  }
}

/// A mean that is reported beside the loss: `rewards/accuracies`.
public struct MeasurementMetrics: Sendable, Hashable, Codable {
  /// Its name in the objective.
  public var name: String
  /// The mean over a step or a validation.
  public var value: Double
}

/// Facts before the first step.
public struct StartMetrics: Sendable, Hashable, Codable {
  /// Steps done already: 0 unless a checkpoint is gone on from.
  public var step: Int
  /// Steps of the whole run.
  public var steps: Int
  /// Steps of an epoch.
  public var stepsPerEpoch: Int
  /// Examples of the data set.
  public var examples: Int
  /// Trainable parameters.
  public var trainableParameters: Int
  /// All parameters of the model.
  public var parameters: Int
  /// Why checkpoints later than the one gone on from were passed over: damaged by something outside.
  public var damagedCheckpoints: [String]
}

/// Metrics of one optimizer step.
public struct StepMetrics: Sendable, Hashable, Codable {
  /// Steps done, this one included.
  public var step: Int
  /// Epochs done, this step included: 1.5 in the middle of the second.
  public var epoch: Double
  /// The objective before the update.
  public var loss: Double
  /// Terms of the sum.
  public var lossTerms: [LossTermMetrics]
  /// Means beside it; nil for an objective that reports none.
  public var measurements: [MeasurementMetrics]?
  /// Learning rate of the update.
  public var learningRate: Double
  /// Euclidean norm of all gradients, before clipping.
  public var gradientNorm: Double
  /// Tokens read in all processes, padding not counted; of image networks images.
  public var tokens: Int
  /// Supervised ones of them: tokens that were targets; pairs or numbers where documents are rated.
  public var supervisedTokens: Int
  /// Time it took.
  public var seconds: Double

  private enum CodingKeys: String, CodingKey {
    case step, epoch, loss, lossTerms = "summands", measurements, learningRate, gradientNorm, tokens, supervisedTokens,
      seconds
  }

  /// Tokens read in a second.
  public var tokensPerSecond: Double { Double(tokens) / max(seconds, 1e-9) }
}

/// The objective on examples that are not trained on.
public struct ValidationMetrics: Sendable, Hashable, Codable {
  /// Steps done.
  public var step: Int
  /// Epochs done.
  public var epoch: Double
  /// The objective over all validation examples, with the denominators of all of them.
  public var loss: Double
  /// Terms of the sum.
  public var lossTerms: [LossTermMetrics]
  /// Means beside it; nil for an objective that reports none.
  public var measurements: [MeasurementMetrics]?
  /// Whether no earlier validation had a lower loss.
  public var isBest: Bool
  /// Time it took.
  public var seconds: Double

  private enum CodingKeys: String, CodingKey {
    case step, epoch, loss, lossTerms = "summands", measurements, isBest, seconds
  }
}

/// A checkpoint on the disk.
public struct CheckpointMetrics: Sendable, Hashable, Codable {
  /// Steps done.
  public var step: Int
  /// Its folder.
  public var path: String
  /// Time it took to write.
  public var seconds: Double
}

/// How a run ended.
public struct FinishMetrics: Sendable, Hashable, Codable {
  /// Why a run ended.
  public enum Reason: String, Sendable, Hashable, Codable {
    /// All steps are done.
    case completed
    /// Validation no longer got better.
    case stoppedEarly
    /// It was asked to stop between two steps.
    case stopped
  }
  /// Why it ended.
  public var reason: Reason
  /// Steps done.
  public var step: Int
  /// Loss of every step, those before a resumption included.
  public var losses: [Double]
  /// The step with the lowest validation loss, and that loss.
  public var best: BestStep?
  /// Time spent in this process.
  public var seconds: Double
}

/// The step whose model did best on the validation examples.
public struct BestStep: Sendable, Hashable, Codable {
  /// Steps done then.
  public var step: Int
  /// The validation loss then.
  public var loss: Double
}
