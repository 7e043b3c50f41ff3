// SPDX-License-Identifier: Apache-2.0
public import Torch

/// How long a run is.
public enum TrainingLength: Sendable, Hashable, Codable {
  /// So many optimizer steps.
  case steps(Int)
  /// So many passes over the examples; a part of one is rounded up to whole steps.
  case epochs(Double)

  /// Optimizer steps in all.
  public func steps(of plan: BatchPlan) -> Int {
    switch self {
    case .steps(let count): count
    case .epochs(let count): Int((count * Double(plan.stepsPerEpoch)).rounded(.up))
    }
  }
}

/// Options of a run apart from model, objective, optimizer and data.
public struct TrainingOptions: Sendable, Hashable {
  /// How long it is.
  public var length: TrainingLength
  /// How the learning rate moves.
  public var schedule: Schedule
  /// Largest norm of all gradients together; longer ones are shortened to it. Nil leaves them.
  public var gradientNormLimit: Double?
  /// Type the model computes in; nil leaves each parameter's own. With `bfloat16` or `float16` parameters and
  /// activations have that type, while the optimizer keeps float32 masters, which start from the values the model had
  /// before it was converted.
  public var dtype: DType?
  /// Seed of what is random inside the model (dropout). Torch's default generators are seeded from it and the step's
  /// number before every step, so a resumed run draws what an uninterrupted one would have.
  public var seed: UInt64
  /// A step event after every so many steps, and after the last.
  public var stepsPerEvent: Int

  /// Memberwise.
  public init(
    length: TrainingLength = .epochs(1), schedule: Schedule = .linear, gradientNormLimit: Double? = 1,
    dtype: DType? = nil, seed: UInt64 = 0, stepsPerEvent: Int = 1
  ) {
    precondition(stepsPerEvent > 0, "an event every \(stepsPerEvent) steps")
    self.length = length
    self.schedule = schedule
    self.gradientNormLimit = gradientNormLimit
    self.dtype = dtype
    self.seed = seed
    self.stepsPerEvent = stepsPerEvent
  }
}

/// Examples that are scored now and then, but not trained on.
public struct Validation {
  /// One epoch of it is scored. An unshuffled plan will do.
  public var source: any BatchSource
  /// Scored after every so many steps, and after the last.
  public var stepsBetween: Int
  /// When to end the run because of it; nil for never.
  public var earlyStop: EarlyStop?

  /// Memberwise.
  public init(_ source: any BatchSource, stepsBetween: Int, earlyStop: EarlyStop? = nil) {
    precondition(stepsBetween > 0, "validation every \(stepsBetween) steps")
    self.source = source
    self.stepsBetween = stepsBetween
    self.earlyStop = earlyStop
  }
}
