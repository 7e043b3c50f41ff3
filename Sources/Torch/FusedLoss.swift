// SPDX-License-Identifier: Apache-2.0
import CTorch

/// A distance term of a loss at positions that are rated alike, column by column. The native side has the same columns
/// under the same names, in the operators' schemas and in `native/loss.hpp`.
///
/// With K candidates at each position (the M of `candidates`, and a contrastive token where there are
/// `contrastiveTokens`), q the softmax of their logits and p the position's target, the term is
///
///     coefficient · Σ weight · KL(p ‖ q)        (KL(q ‖ p) if reversed)
///
/// and, over the vocabulary, each KL is larger by −log of the probability that the softmax over the whole vocabulary
/// (joined by the contrastive token, as one entry more) gives to the candidates.
public struct CandidateTerm {
  /// α
  public var coefficient: Double
  /// Token ids `[M]`; one may occur more than once.
  public var candidates: [Int64]
  /// Whether the model's softmax is that of the whole vocabulary.
  public var overVocabulary: Bool
  /// Whether the divergence is taken from the model to the target.
  public var isReversed: Bool
  /// Rows of the logits, `[n]`.
  public var logitRows: [Int64]
  /// Weight of each, `[n]`.
  public var weights: [Double]
  /// Which of `table` is the target of each, `[n]`.
  public var targets: [Int64]
  /// The targets.
  public var table: Targets
  /// The contrastive tokens, `[n]` or empty.
  public var contrastiveTokens: [Int64]
  /// Rows of the contrast states that rate them, `[n]`; empty: each position's own row does.
  public var contrastiveRows: [Int64]

  /// Targets p.
  public enum Targets {
    /// p `[R, K]` and its logarithm (any finite number where p is 0), float64.
    case rows(p: Tensor, logP: Tensor)
    /// Around each candidate x, made where it is needed and never held together:
    /// p(v) ∝ exp(−sharpness[x] · ‖e(v) − e(x)‖²). Vectors e `[M, D]` float32, sharpness `[M]`.
    case vectors(Tensor, sharpness: [Double])
  }

  /// Memberwise.
  public init(
    coefficient: Double, candidates: [Int64], overVocabulary: Bool = false, isReversed: Bool = false,
    logitRows: [Int64], weights: [Double], targets: [Int64], table: Targets, contrastiveTokens: [Int64] = [],
    contrastiveRows: [Int64] = []
  ) {
    precondition(weights.count == logitRows.count && targets.count == logitRows.count, "one weight and target each")
    precondition(
      contrastiveTokens.isEmpty || contrastiveTokens.count == logitRows.count, "a contrastive token for each position")
    precondition(
      contrastiveRows.isEmpty || contrastiveRows.count == contrastiveTokens.count,
      "a row for each contrastive example's token")
    (self.coefficient, self.candidates) = (coefficient, candidates)
    (self.overVocabulary, self.isReversed) = (overVocabulary, isReversed)
    (self.logitRows, self.weights, self.targets) = (logitRows, weights, targets)
    self.table = table
    (self.contrastiveTokens, self.contrastiveRows) = (contrastiveTokens, contrastiveRows)
  }
}

/// Cross entropy and distance terms of supervised positions, in one pass over their logits by our own kernels, with
/// every gradient computed on the way. For float32 on the CPU (hidden states and weights also in half precision);
/// composed of ATen's operators elsewhere.
public struct FusedLoss {
  /// Token to be predicted in each row, `[N]`; −100 for none.
  public var labels: [Int64]
  /// Factor of each row's cross entropy, 1/N of the whole step.
  public var crossEntropyScale: Double
  /// ε of the cross entropy, over the whole vocabulary.
  public var labelSmoothing: Double
  /// The distance terms.
  public var terms: [CandidateTerm]
  /// Rows whose logits are held at a time; nil: about 64 MiB of them.
  public var chunk: Int?

  /// A loss and its parts.
  public struct Value {
    /// crossEntropy + Σ coefficient · term, a differentiable scalar, float32 by the kernels.
    public var total: Tensor
    /// Σ cross entropy · scale, then Σ weight · divergence of each term: float64 `[1 + terms]`, without gradient.
    public var sums: Tensor
  }

  /// Memberwise.
  public init(
    labels: [Int64], crossEntropyScale: Double, labelSmoothing: Double = 0, terms: [CandidateTerm] = [],
    chunk: Int? = nil
  ) {
    precondition(chunk == nil || chunk! > 0, "chunks of \(chunk!) rows")
    (self.labels, self.crossEntropyScale) = (labels, crossEntropyScale)
    (self.labelSmoothing, self.terms, self.chunk) = (labelSmoothing, terms, chunk)
  }

  /// Whether the kernels take these tensors; otherwise the loss is a composition of ATen's operators.
  public static func takes(_ tensors: Tensor?...) -> Bool {
    KernelLevel.current != .plain
      && tensors.allSatisfy { tensor in
        guard let tensor else { return true }
        return tensor.device.type == Device.cpu.type && [.float32, .bfloat16, .float16].contains(tensor.dtype)
      }
  }

  /// The loss of hidden states `[N, H]` under a head of weight `[V, H]` and bias `[V]`.
  ///
  /// Runs in chunks: logits `[N, V]` never exist. Gradients flow to every argument that asks for them.
  ///
  /// - Parameter contrast: hidden states `[C, H]` of the contrastive passes, named by `contrastiveRows`.
  public func callAsFunction(hidden: Tensor, weight: Tensor, bias: Tensor? = nil, contrast: Tensor? = nil) -> Value {
    Value(Fused.linearLoss.many(2, hidden, weight, bias, LossColumns(loss: self), contrast, chunk ?? 0))
  }

  /// The loss of logits `[N, V]`; those in half precision are taken up to float32.
  ///
  /// - Parameter contrast: logits `[C, V]` of the contrastive passes, named by `contrastiveRows`.
  public func callAsFunction(logits: Tensor, contrast: Tensor? = nil) -> Value {
    func full(_ tensor: Tensor) -> Tensor {
      [.bfloat16, .float16].contains(tensor.dtype) ? tensor.to(.float32) : tensor
    }
    return Value(Fused.logitsLoss.many(2, full(logits), LossColumns(loss: self), contrast.map(full)))
  }
}

extension FusedLoss.Value {
  fileprivate init(_ both: [Tensor]) { self.init(total: both[0], sums: both[1]) }
}

/// The arguments that both operators share: from `labels` to `contrastive_rows`, a list for each column.
private struct LossColumns: OpArgument {
  let loss: FusedLoss

  func push(to frame: ct_frame) {
    let terms = loss.terms
    Tensor(loss.labels).push(to: frame)
    terms.map { Tensor($0.candidates) }.push(to: frame)
    terms.map { Tensor($0.logitRows) }.push(to: frame)
    terms.map { Tensor($0.weights) }.push(to: frame)
    terms.map { Tensor($0.targets) }.push(to: frame)
    terms.map(\.table.p).push(to: frame)
    terms.map(\.coefficient).push(to: frame)
    loss.crossEntropyScale.push(to: frame)
    loss.labelSmoothing.push(to: frame)
    terms.map(\.overVocabulary).push(to: frame)
    terms.map(\.isReversed).push(to: frame)
    terms.map(\.table.logP).push(to: frame)
    terms.map(\.table.vectors).push(to: frame)
    terms.map(\.table.sharpness).push(to: frame)
    terms.map { column($0.contrastiveTokens) }.push(to: frame)
    terms.map { column($0.contrastiveRows) }.push(to: frame)
  }

  private func column(_ numbers: [Int64]) -> Tensor? { numbers.isEmpty ? nil : Tensor(numbers) }
}

extension CandidateTerm.Targets {
  fileprivate var p: Tensor? {
    if case .rows(let p, _) = self { return p }
    return nil
  }
  fileprivate var logP: Tensor? {
    if case .rows(_, let logP) = self { return logP }
    return nil
  }
  fileprivate var vectors: Tensor? {
    if case .vectors(let vectors, _) = self { return vectors }
    return nil
  }
  fileprivate var sharpness: Tensor? {
    if case .vectors(_, let sharpness) = self { return Tensor(sharpness) }
    return nil
  }
}
