// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
public import Torch

/// Training objective: a sum of weighted parts, computed from hidden states at the positions it asks for.
///
/// Every part is a sum over positions divided by a count of the whole optimizer step (``Denominators``), so that
/// micro-batches and processes add up to the loss of the step.
public protocol TrainingObjective: Sendable {
  /// Names and weights of the parts, in the order of ``LossValue/lossTerms``: loss = Σ weight · part.
  var lossTerms: [(name: String, weight: Double)] { get }

  /// Names of the means that are reported beside the loss, in the order of ``LossValue/measurements``; none by default.
  var measurementNames: [String] { get }

  /// Names of other models whose hidden states at the same rows the loss reads; none by default.
  var referenceModels: [String] { get }

  /// Denominators of a whole step, from the supervisions of all its micro-batches.
  /// `supervised` is 0 exactly if there is nothing to learn.
  func denominators(of step: [Supervision]) -> Denominators

  /// Rows of a batch's flattened hidden states that the loss reads, `[N]`; none if nothing in it is learnt.
  func rows(of supervision: Supervision) -> [Int32]

  /// The part of a step's loss that one batch contributes.
  ///
  /// - Parameters:
  ///   - hidden: `[N, H]`, the last hidden states at ``rows(of:)``.
  ///   - head: the last projection.
  ///   - referenceModels: what other models say, one for each name of ``referenceModels``.
  ///   - denominators: those of the whole step.
  func loss(
    of hidden: Tensor, head: OutputHead, referenceModels: [String: ReferenceStates], supervision: Supervision,
    denominators: Denominators
  ) -> LossValue

  /// The same of a model with a head of scores that keeps its projection onto the vocabulary; by default it is not read.
  func loss(
    of hidden: Tensor, head: OutputHead, textHead: OutputHead?, referenceModels: [String: ReferenceStates],
    supervision: Supervision, denominators: Denominators
  ) -> LossValue
}

/// What another model says at the rows that a loss reads. It gets no gradient.
public struct ReferenceStates {
  /// Its hidden states, `[N, H′]`.
  public var hidden: Tensor
  /// Its last projection, onto the same vocabulary.
  public var head: OutputHead

  /// Memberwise.
  public init(hidden: Tensor, head: OutputHead) { (self.hidden, self.head) = (hidden, head) }

  /// Logits of some rows `[n, V]`, in at least float32 and without a graph.
  func logits(_ start: Int, _ count: Int) -> Tensor { noGrad { head(hidden.narrow(0, start, count)).full } }
}

extension TrainingObjective {
  /// None.
  public var measurementNames: [String] { [] }
  /// None.
  public var referenceModels: [String] { [] }

  /// The loss without that projection.
  public func loss(
    of hidden: Tensor, head: OutputHead, textHead: OutputHead?, referenceModels: [String: ReferenceStates],
    supervision: Supervision, denominators: Denominators
  ) -> LossValue {
    loss(
      of: hidden, head: head, referenceModels: referenceModels, supervision: supervision, denominators: denominators)
  }

  /// The loss where no other model is read.
  public func loss(
    of hidden: Tensor, head: OutputHead, supervision: Supervision, denominators: Denominators
  ) -> LossValue {
    loss(of: hidden, head: head, referenceModels: [:], supervision: supervision, denominators: denominators)
  }
}

extension TrainingObjective where Self == Objective {
  /// L_CE (equation 3).
  public static var crossEntropy: Objective { Objective() }
}

extension TrainingObjective where Self == RatingObjective {
  /// −log σ(Δ) of pairs.
  public static var bradleyTerry: RatingObjective { RatingObjective(.bradleyTerry) }
  /// −log σ(Δ − m) of pairs with a margin.
  public static var marginBradleyTerry: RatingObjective { RatingObjective(.marginBradleyTerry) }
  /// −m · log σ(Δ) of pairs with a margin.
  public static var scaledBradleyTerry: RatingObjective { RatingObjective(.scaledBradleyTerry) }
  /// −log σ(s/0.1) of pairs of embeddings.
  public static var generalPreference: RatingObjective { RatingObjective(.generalPreference) }
  /// Mean squared error of ratings.
  public static var regression: RatingObjective { RatingObjective(.regression) }
  /// Likelihood of the order of lists.
  public static var listwiseOrder: RatingObjective { RatingObjective(.listwiseOrder) }
}

extension Objective: TrainingObjective {
  /// Cross entropy with weight 1, then α of each distance loss.
  public var lossTerms: [(name: String, weight: Double)] {
    zip(names, [1] + terms.map(\.weight)).map { (name: $0, weight: $1) }
  }

  /// The examples' supervised positions, then those of their contrastive passes.
  public func rows(of supervision: Supervision) -> [Int32] { supervision.logitRows + supervision.contrastLogitRows }

  /// The loss of a batch from hidden states of both: `[N + N_c, H]`.
  public func loss(
    of hidden: Tensor, head: OutputHead, referenceModels: [String: ReferenceStates], supervision: Supervision,
    denominators: Denominators
  ) -> LossValue {
    let count = supervision.logitRows.count, contrasted = supervision.contrastLogitRows.count
    return self(
      hidden: contrasted == 0 ? hidden : hidden.narrow(0, 0, count),
      contrastHidden: contrasted == 0 ? nil : hidden.narrow(0, count, contrasted),
      head: head, supervision: supervision, denominators: denominators)
  }
}

extension Tensor {
  /// At least float32: losses of half-precision logits are computed in single precision.
  var full: Tensor { dtype == .float16 || dtype == .bfloat16 ? to(.float32) : self }
}
