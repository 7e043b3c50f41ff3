// SPDX-License-Identifier: Apache-2.0
public import Objectives
public import Torch

/// What a ``TrainingLoop`` trains for: examples by step, their loss, and what else belongs to a checkpoint.
///
/// ``Trainer`` is the loop with a token model's objective as its task; the image tokenizer and the classifier of
/// `Recipes` are others.
public protocol TrainingTask {
  /// Examples of a step that go through the model at once.
  associatedtype Batch

  /// Which examples each step reads.
  var plan: BatchPlan { get }
  /// Names and weights of the loss's terms: loss = Σ weight · term.
  var lossTerms: [(name: String, weight: Double)] { get }
  /// Names of the means that are reported beside the loss. None by default.
  var measurementNames: [String] { get }

  /// The micro-batches of a step.
  func batches(ofStep step: Int) throws -> [Batch]
  /// N and Σw of some batches; those of parts add up to those of the whole. None of any for no batches.
  func denominators(of batches: [Batch]) -> Denominators
  /// Those of all batches of a step: for counting, without what only the model reads. By default the batches are made.
  func denominators(ofStep step: Int) throws -> Denominators
  /// The part of a step's loss that one batch contributes, with its graph; nil if nothing in it is learnt.
  ///
  /// - Parameter denominators: those of the whole step, in all processes.
  func loss(of batch: Batch, _ denominators: Denominators) throws -> LossValue?
  /// Tokens read, padding not counted; of images their number.
  func tokens(of batch: Batch) -> Int
  /// Every example of a batch by name, and alone: what the search for a loss that is not finite goes through.
  func examples(of batch: Batch) -> [(source: String, alone: Batch)]

  /// Called before the first step that is done, which is `step` counted from 0. Does nothing by default.
  func willStart(at step: Int) throws
  /// Called after each update, for what the task changes besides. Does nothing by default.
  func didUpdate(_ step: StepMetrics) throws

  /// Tensors besides weights and optimizer that a run needs to go on, by name. The live ones: restoring copies into
  /// them. None by default.
  var state: [(name: String, tensor: Tensor)] { get }
  /// Settings that a checkpoint must have been made with; nil, the default, for none.
  var identity: String? { get }
}

extension TrainingTask {
  /// None.
  public var measurementNames: [String] { [] }
  /// Of the step's batches, made for this.
  public func denominators(ofStep step: Int) throws -> Denominators { denominators(of: try batches(ofStep: step)) }
  /// Nothing.
  public func willStart(at step: Int) {}
  /// Nothing.
  public func didUpdate(_ step: StepMetrics) {}
  /// None.
  public var state: [(name: String, tensor: Tensor)] { [] }
  /// None.
  public var identity: String? { nil }
}
