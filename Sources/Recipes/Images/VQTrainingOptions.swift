// SPDX-License-Identifier: Apache-2.0
import Foundation
public import Training

/// How the vectors of a code book are learnt.
public enum CodeBookRule: Sendable, Hashable {
  /// By the gradient of ‖codes − latents‖², with this weight in the loss (van den Oord et al. 2017, equation 3).
  case gradient(weight: Double = 1)
  /// As the moving average of the latents that chose them (the same paper, appendix A.1).
  case movingAverage(decay: Double = 0.99)
}

/// Puts latents in the places of codes that nothing chooses.
public struct CodeRestart: Sendable, Hashable {
  /// Steps between two restarts.
  public var steps: Int
  /// A code is dead if it was chosen fewer times than this since the last restart.
  public var uses: Int

  /// Memberwise.
  public init(steps: Int = 100, uses: Int = 1) {
    precondition(steps > 0 && uses > 0, "restarts every \(steps) steps below \(uses) uses")
    (self.steps, self.uses) = (steps, uses)
  }
}

/// How a `VQModel` is trained.
///
///     loss = mean (x̂ − x)² + perceptual · Σ mean (f(x̂) − f(x))²
///          + commitment · mean (z − stop(e))² + [gradient weight · mean (e − stop(z))²]
public struct VQTrainingOptions: Sendable, Hashable {
  /// Passes over the images.
  public var epochs: Int
  /// Images of a step.
  public var batch: Int
  /// AdamW's learning rate.
  public var learningRate: Double
  /// AdamW's decays of its running means.
  public var betas: [Double]
  /// AdamW's weight decay, on tensors of two dimensions or more, the code book's aside.
  public var weightDecay: Double
  /// How the learning rate moves.
  public var schedule: Schedule
  /// Largest norm of all gradients together; nil leaves them.
  public var gradientNormLimit: Double?
  /// How the code book is learnt.
  public var codeBook: CodeBookRule
  /// Weight of the pull of latents towards their codes.
  public var commitment: Double
  /// Weight of the difference of features, where there are any.
  public var perceptual: Double
  /// Whether the code book begins as latents of the first batch.
  public var startsFromLatents: Bool
  /// Treatment of codes that nothing chooses; nil leaves them.
  public var restart: CodeRestart?
  /// Seed of the order of images and of restarts.
  public var seed: UInt64

  /// Memberwise.
  public init(
    epochs: Int, batch: Int = 64, learningRate: Double = 1e-3, betas: [Double] = [0.9, 0.95], weightDecay: Double = 0,
    schedule: Schedule = .constant, gradientNormLimit: Double? = 1, codeBook: CodeBookRule = .movingAverage(),
    commitment: Double = 0.25, perceptual: Double = 1, startsFromLatents: Bool = true,
    restart: CodeRestart? = CodeRestart(), seed: UInt64 = 0
  ) {
    precondition(
      epochs >= 0 && batch > 0 && betas.count == 2, "\(epochs) epochs of batches of \(batch), betas \(betas)")
    (self.epochs, self.batch, self.learningRate, self.betas) = (epochs, batch, learningRate, betas)
    (self.weightDecay, self.schedule, self.gradientNormLimit) = (weightDecay, schedule, gradientNormLimit)
    (self.codeBook, self.commitment, self.perceptual) = (codeBook, commitment, perceptual)
    (self.startsFromLatents, self.restart, self.seed) = (startsFromLatents, restart, seed)
  }
}

/// Events of a tokenizer's training.
public enum VQTrainingEvent: Sendable, Hashable, Codable {
  /// Of the loop: start, steps, validations, checkpoints, end. Loss terms are `reconstruction`, `commitment`, `codeBook`
  /// where it is learnt by gradients, `perceptual` where there are features.
  case training(TrainingEvent)
  /// After an epoch, its validation included.
  case epoch(VQEpochMetrics)
}

/// The parts of the loss.
public struct VQLosses: Sendable, Hashable, Codable {
  /// The sum.
  public var total = 0.0
  /// Mean squared error of the pixels, whose range is 2.
  public var reconstruction = 0.0
  /// Mean squared distance of latents and codes, before its weights.
  public var commitment = 0.0
  /// Difference of features before its weight; 0 without features.
  public var perceptual = 0.0
}

/// How a code book is used.
public struct CodeUsage: Sendable, Hashable, Codable {
  /// Share of the codes that were chosen at all.
  public var share: Double
  /// exp of the entropy of their frequencies: V if all are chosen equally often.
  public var perplexity: Double

  /// - Parameter counts: how often each code was chosen.
  public init(counts: [Double]) {
    let sum = counts.reduce(0, +), used = counts.filter { $0 > 0 }
    share = counts.isEmpty ? 0 : Double(used.count) / Double(counts.count)
    perplexity = sum > 0 ? exp(-used.reduce(0) { $0 + $1 / sum * log($1 / sum) }) : 0
  }
}

/// Metrics of an epoch.
public struct VQEpochMetrics: Sendable, Hashable, Codable {
  /// Epochs done, this one included.
  public var epoch: Int
  /// Means over its steps, weighted by their images.
  public var losses: VQLosses
  /// Over all its images.
  public var usage: CodeUsage
  /// Codes that got a new vector.
  public var restarted: Int
  /// On images that are not trained on, after the epoch; nil without such.
  public var validation: VQEvaluation?
  /// Time it took, validation included.
  public var seconds: Double
}

/// How well a tokenizer reconstructs images.
public struct VQEvaluation: Sendable, Hashable, Codable {
  /// Mean squared error of the pixels, whose range is 2.
  public var reconstruction: Double
  /// How the code book is used.
  public var usage: CodeUsage
}
