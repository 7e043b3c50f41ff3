// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
import Torch
public import TorchNN

/// Another source's batches with what an objective over whole responses reads of other models, as plain values: the loop
/// and the objective know nothing of those models.
///
///     let source = ReferencedBatches(ExampleBatches(examples, plan: plan), reference: .withoutAdapters(model))
///
/// It computes when it is asked for batches, so it stands outside ``PrefetchedBatches``, on the training thread.
public final class ReferencedBatches: BatchSource {
  /// Which examples a step has.
  public let plan: BatchPlan
  private let source: any BatchSource
  private let reference: ReferenceModel
  private let policy: (any TokenModel)?
  private let pad: Int32
  private let reducer: any Reducer

  /// - Parameters:
  ///   - source: batches of responses. Documents that hold log-probabilities of a reference model keep them.
  ///   - reference: asked for those of all others.
  ///   - policy: the trained model, for objectives that hold a step's rewards against those of responses to other prompts
  ///     (KTO's z = max(0, mean m)): the response of the example before it in the data set, among those of the step, the
  ///     last one's for the first.
  ///   - pad: id written into padding.
  ///   - reducer: sums over the processes that share a step.
  public init(
    _ source: any BatchSource, reference: ReferenceModel, mismatchedRewardsOf policy: (any TokenModel)? = nil,
    pad: Int32 = 0, reducer: any Reducer = SingleProcess()
  ) {
    plan = source.plan
    (self.source, self.reference, self.policy, self.pad, self.reducer) = (source, reference, policy, pad, reducer)
  }

  /// What is supervised in a step, without what other models say.
  public func supervisions(ofStep step: Int) throws -> [Supervision] { try source.supervisions(ofStep: step) }

  /// The micro-batches of a step.
  ///
  /// - Throws: `InputError` for an example that cannot be made, `TorchError` if an operation fails.
  public func batches(ofStep step: Int) throws -> [TokenBatch] {
    var batches = try source.batches(ofStep: step)
    for index in batches.indices { try fill(&batches[index]) }
    if let policy {
      let anchor = try mismatchedReward(of: policy, batches)
      for index in batches.indices { batches[index].supervision.anchor = anchor }
    }
    return batches
  }

  private func fill(_ batch: inout TokenBatch) throws {
    guard batch.supervision.documents.contains(where: { $0.values.reference == nil }) else { return }
    let values = try reference.logProbabilities(of: batch)
    for index in batch.supervision.documents.indices where batch.supervision.documents[index].values.reference == nil {
      let document = batch.supervision.documents[index]
      batch.supervision.documents[index].values.reference = Array(values[document.tokens])
    }
  }

  /// max(0, mean Σ log π/π_ref) of prompts with responses to other prompts.
  private func mismatchedReward(of policy: any TokenModel, _ batches: [TokenBatch]) throws -> Double {
    let examples = batches.flatMap(\.singleResponses).sorted { $0.index < $1.index }
    let mismatched = zip(examples, examples.suffix(1) + examples.dropLast()).map { prompt, response in
      EncodedExample(
        ids: prompt.prompt + response.response, supervised: prompt.prompt.map { _ in false } + response.isLearnt)
    }
    let atOnce = max(batches.map(\.documents.count).max() ?? 1, 1)
    var sum = 0.0
    for start in stride(from: 0, to: mismatched.count, by: atOnce) {
      let batch = TokenBatch(Array(mismatched[start..<min(start + atOnce, mismatched.count)]), pad: pad)
      let own = try policy.labelLogProbabilities(of: batch), base = try reference.logProbabilities(of: batch)
      sum += zip(own, base).reduce(0) { $0 + Double($1.0) - Double($1.1) }
    }
    let whole = try reducer.sum([sum, Double(mismatched.count)])
    return max(0, whole[0] / max(whole[1], 1))
  }
}

/// A prompt and its only response, as tokens.
private struct SingleResponse {
  var index: Int
  var prompt, response: [Int32]
  var isLearnt: [Bool]
}

extension TokenBatch {
  /// The examples of one response each.
  fileprivate var singleResponses: [SingleResponse] {
    precondition(supervision.documents.count == sources.count, "a mean over examples of one response each")
    return supervision.documents.indices.compactMap { index in
      let place = documents[index]
      let learnt = Set(supervision.logitRows[supervision.documents[index].tokens].map { Int($0) + 1 })
      guard let first = learnt.min() else { return nil }
      return SingleResponse(
        index: indices.isEmpty ? index : indices[index], prompt: Array(ids[place.lowerBound..<first]),
        response: Array(ids[first..<place.upperBound]), isLearnt: (first..<place.upperBound).map(learnt.contains))
    }
  }
}
