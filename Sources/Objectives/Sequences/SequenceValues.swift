// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
public import Torch

/// What an objective over whole responses reads at the learnt tokens: `[N]` each, in float32 or float64.
public struct SequenceValues {
  /// log π of the tokens. Gradients flow to it.
  public var logProbabilities: Tensor
  /// log π_ref of the tokens, where the reward has a base measure.
  public var reference: Tensor?
  /// KL(π_ref ‖ π) over the vocabulary, where the reward has it. Gradients flow to it.
  public var divergence: Tensor?
  /// Weights of tokens in the reward, where they are given.
  public var weights: Tensor?
  /// Weights of the divergence, where they are given.
  public var divergenceWeights: Tensor?
  /// Rewards of tokens, where they are given.
  public var rewards: Tensor?

  /// Memberwise.
  public init(
    logProbabilities: Tensor, reference: Tensor? = nil, divergence: Tensor? = nil, weights: Tensor? = nil,
    divergenceWeights: Tensor? = nil, rewards: Tensor? = nil
  ) {
    (self.logProbabilities, self.reference, self.divergence) = (logProbabilities, reference, divergence)
    (self.weights, self.divergenceWeights, self.rewards) = (weights, divergenceWeights, rewards)
  }

  /// What the model says, and what the documents hold beside it.
  ///
  /// - Parameter logProbabilities: `[N]`, of the documents' learnt tokens end to end.
  public init(_ logProbabilities: Tensor, documents: [DocumentTarget], divergence: Tensor? = nil) {
    func given(_ values: (TokenValues) -> [Float]?, otherwise: Float?) -> Tensor? {
      guard documents.contains(where: { values($0.values) != nil }) else { return nil }
      let all = documents.flatMap { document in
        let own = values(document.values) ?? otherwise.map { [Float](repeating: $0, count: document.tokens.count) }
        precondition(
          own?.count == document.tokens.count,
          "\(own?.count ?? 0) given numbers for a document of \(document.tokens.count) learnt tokens")
        return own ?? []
      }
      return Tensor(all).to(logProbabilities.device, dtype: logProbabilities.dtype)
    }
    self.init(
      logProbabilities: logProbabilities, reference: given(\.reference, otherwise: nil), divergence: divergence,
      weights: given(\.weights, otherwise: 1), divergenceWeights: given(\.divergenceWeights, otherwise: 1),
      rewards: given(\.rewards, otherwise: 0))
  }
}

/// Documents that lie end to end in `[N]` tokens.
struct DocumentSums {
  let count: Int
  /// Tokens of each.
  let lengths: [Int]
  private let owners: Tensor

  /// - Parameter like: where the tokens are.
  init(_ documents: [DocumentTarget], like: Tensor) {
    precondition(
      documents.first?.tokens.lowerBound ?? 0 == 0 && documents.last?.tokens.upperBound ?? 0 == like.size(0)
        && zip(documents, documents.dropFirst()).allSatisfy { $0.tokens.upperBound == $1.tokens.lowerBound },
      "documents that do not lie end to end in \(like.shape) tokens")
    lengths = documents.map(\.tokens.count)
    count = documents.count
    owners = Tensor(
      documents.indices.flatMap { [Int64](repeating: Int64($0), count: documents[$0].tokens.count) },
      device: like.device)
  }

  /// Sums `[D]` over each document's tokens of `[N]`.
  func sum(_ tokens: Tensor) -> Tensor {
    Tensor.zeros([count], dtype: tokens.dtype, device: tokens.device).indexAdd(0, owners, tokens)
  }

  /// A number of each document as `[D]`.
  func each(_ values: [Double], like: Tensor) -> Tensor { Tensor(values).to(like.device, dtype: like.dtype) }

  /// A number of each document `[D]` at each of its tokens, `[N]`.
  func spread(_ values: Tensor) -> Tensor { values.indexSelect(0, owners) }

  /// Sums as means over each document's tokens; those of a document without any are 0.
  func means(_ sums: Tensor) -> Tensor { sums / each(lengths.map { Double(max($0, 1)) }, like: sums) }
}
