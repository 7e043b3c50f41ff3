// SPDX-License-Identifier: Apache-2.0
import CTorch

/// A distance term of a loss at positions that are rated alike, as plain tables.
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
  public var rows: [Int64]
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
    coefficient: Double, candidates: [Int64], overVocabulary: Bool = false, isReversed: Bool = false, rows: [Int64],
    weights: [Double], targets: [Int64], table: Targets, contrastiveTokens: [Int64] = [], contrastiveRows: [Int64] = []
  ) {
    precondition(weights.count == rows.count && targets.count == rows.count, "one weight and target per position")
    precondition(
      contrastiveTokens.isEmpty || contrastiveTokens.count == rows.count, "a contrastive token for each position")
    precondition(
      contrastiveRows.isEmpty || contrastiveRows.count == contrastiveTokens.count,
      "a row for each contrastive example's token")
    (self.coefficient, self.candidates) = (coefficient, candidates)
    (self.overVocabulary, self.isReversed) = (overVocabulary, isReversed)
    (self.rows, self.weights, self.targets) = (rows, weights, targets)
    self.table = table
    (self.contrastiveTokens, self.contrastiveRows) = (contrastiveTokens, contrastiveRows)
  }
}

/// Cross entropy and distance terms of supervised positions, in one pass over their logits by our own kernels, with
/// every gradient computed on the way. For float32 on the CPU (hidden states and weights also in half precision).
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
    /// crossEntropy + Σ coefficient · term, a differentiable float32 scalar.
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

  /// Whether the kernels take these tensors; otherwise compose the loss of plain operations.
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
    guard let h = hidden.handle, let w = weight.handle else { return failed }
    return withPlan { plan, out in ct_linear_loss(h, w, bias?.handle, contrast?.handle, plan, out, out + 1) }
  }

  /// The loss of logits `[N, V]`, float32.
  ///
  /// - Parameter contrast: logits `[C, V]` of the contrastive passes, named by `contrastiveRows`.
  public func callAsFunction(logits: Tensor, contrast: Tensor? = nil) -> Value {
    let logits = logits.to(.float32), contrast = contrast?.to(.float32)
    guard let z = logits.handle else { return failed }
    return withPlan { plan, out in ct_logits_loss(z, contrast?.handle, plan, out, out + 1) }
  }

  private var failed: Value { Value(total: Tensor(owned: nil), sums: Tensor(owned: nil)) }

  private func withPlan(
    _ body: (UnsafePointer<ct_loss_plan>, UnsafeMutablePointer<ct_tensor?>) -> Int32
  ) -> Value {
    let labels = Tensor(labels), tables = terms.map(CandidateTables.init)
    let columns = tables.compactMap(\.column)
    guard let handle = labels.handle, columns.count == tables.count else { return failed }
    let both = columns.withUnsafeBufferPointer { columns in
      var plan = ct_loss_plan(
        labels: handle, cross_entropy_scale: crossEntropyScale, label_smoothing: labelSmoothing,
        terms: columns.baseAddress, term_count: columns.count, chunk: Int64(chunk ?? 0))
      return withExtendedLifetime((labels, tables)) { owned(2) { body(&plan, $0) } }
    }
    return Value(total: both[0], sums: both[1])
  }
}

/// A term as the tensors that the native side reads.
private struct CandidateTables {
  let term: CandidateTerm
  let candidates, rows, weights, targets: Tensor
  let p, logP, vectors, sharpness: Tensor?
  let contrastiveTokens, contrastiveRows: Tensor?

  init(_ term: CandidateTerm) {
    self.term = term
    candidates = Tensor(term.candidates)
    rows = Tensor(term.rows)
    weights = Tensor(term.weights)
    targets = Tensor(term.targets)
    switch term.table {
    case .rows(let p, let logP):
      self.p = p.to(.cpu, dtype: .float64).contiguous()
      self.logP = logP.to(.cpu, dtype: .float64).contiguous()
      (vectors, sharpness) = (nil, nil)
    case .vectors(let vectors, let sharpness):
      (p, logP) = (nil, nil)
      self.vectors = vectors.to(.cpu, dtype: .float32).transpose(0, 1).contiguous()
      self.sharpness = Tensor(sharpness)
    }
    contrastiveTokens = term.contrastiveTokens.isEmpty ? nil : Tensor(term.contrastiveTokens)
    contrastiveRows = term.contrastiveRows.isEmpty ? nil : Tensor(term.contrastiveRows)
  }

  /// Nil after a failure inside `withTorchErrors`. Lives no longer than self.
  var column: ct_candidate_term? {
    guard let candidates = candidates.handle, let rows = rows.handle, let weights = weights.handle,
      let targets = targets.handle
    else { return nil }
    return ct_candidate_term(
      coefficient: term.coefficient, vocabulary: term.overVocabulary, reverse: term.isReversed,
      candidates: candidates, rows: rows, weights: weights, targets: targets, p: p?.handle, log_p: logP?.handle,
      contrastive_tokens: contrastiveTokens?.handle, contrastive_rows: contrastiveRows?.handle,
      vectors: vectors?.handle,
      sharpness: sharpness?.handle)
  }
}
