// SPDX-License-Identifier: Apache-2.0
public import MetricTokens
public import Torch

/// An objective as a composition of ATen operators: the definition that every faster way is tested against.
struct PlainLoss {
  let plan: LossPlan
  /// `[N, V]` in float32 or float64.
  let logits: Tensor
  /// Logits `[n]` of given tokens in given rows of the contrastive passes.
  let contrastLogits: (_ logitRows: Tensor, _ tokens: Tensor) -> Tensor

  func callAsFunction() -> LossValue {
    var factors: Tensor? = plan.balance == .crossEntropy ? logits.select(1, 0).detach().onesLike() : nil
    let terms = plan.distanceLosses.map { ($0.name, $0.weight, distanceLoss($0, &factors)) }
    let values = [("ce", 1.0, crossEntropy(factors))] + terms
    return LossValue(
      total: values.dropFirst().reduce(values[0].2) { $0 + $1.1 * $1.2 },
      lossTerms: values.map { LossValue.Term(name: $0, weight: $1, value: $2.detach()) })
  }

  private func index(_ values: [Int64]) -> Tensor { Tensor(values, device: logits.device) }

  /// Equation 3 over N. Differentiable, and 0, even without any supervised token.
  ///
  /// - Parameter factors: of each row's, `[N]`; nil: 1.
  private func crossEntropy(_ factors: Tensor?) -> Tensor {
    func entropy(_ reduction: Reduction) -> Tensor {
      logits.crossEntropy(index(plan.labels), reduction: reduction, labelSmoothing: plan.labelSmoothing)
    }
    return plan.crossEntropyScale * (factors.map { (entropy(.none) * $0).sum() } ?? entropy(.sum))
  }

  /// Equation 5 with the weights of equation 9, over Σw; the constant 0 without any metric token.
  ///
  /// - Parameter factors: of each row's cross entropy, which a balance changes.
  private func distanceLoss(_ distanceTerm: LossPlan.DistanceTerm, _ factors: inout Tensor?) -> Tensor {
    distanceTerm.parts.reduce(target(Tensor(scalar: 0.0))) { sum, part in
      let divergence = balanced(divergence(distanceTerm, part), at: part.term.logitRows, &factors)
      return sum + (divergence * target(Tensor(part.term.weights))).sum()
    }
  }

  /// A divergence `[n]` at some rows, weighed against the cross entropy there (``Objective/Balance``).
  private func balanced(_ divergence: Tensor, at rows: [Int64], _ factors: inout Tensor?) -> Tensor {
    guard plan.balance != .fixed else { return divergence }
    let labels = index(rows.map { plan.labels[Int($0)] })
    let entropy = logits.indexSelect(0, index(rows)).detach().crossEntropy(labels, reduction: .none)
    let whole = divergence + (-entropy).exp()
    if plan.balance == .distance { return whole * (entropy / whole.detach()) }
    // A token that is certain has no gradient, whatever the factor.
    let factor = whole.detach() / entropy.clamp(1e-12, nil)
    factors = factors?.indexAdd(0, index(rows), factor - 1)
    return whole
  }

  /// The distance loss's divergence at each metric token, `[n]`.
  private func divergence(_ distanceTerm: LossPlan.DistanceTerm, _ part: LossPlan.Part) -> Tensor {
    let distanceLoss = distanceTerm.distanceLoss, logits = candidateLogits(part.term)
    if distanceLoss.divergence == .expectedDistance, case .vectors(let book, _) = part.term.table,
      let factor = distanceLoss.resolved.vectors?.factor
    {
      let vectors = target(book)
      let model = CandidateModel(logQ: logits.logSoftmax(1), logMass: nil, p: { logits }, logP: { logits })
      return model.expectedSquare(vectors, from: vectors.indexSelect(0, index(part.term.targets))) * factor
    }
    let chosen = targets(distanceTerm, part)
    let model = CandidateModel(
      logQ: logits.logSoftmax(1), logMass: part.term.overVocabulary ? logits.logSumExp(1) : nil,
      p: chosen.p, logP: chosen.logP)
    if let costs = part.costs {
      let cost = model.cost(
        target(costs).indexSelect(0, index(part.term.targets)), isSquared: distanceLoss.divergence == .squaredMean)
      return model.withOutside(cost, distanceLoss.costOutside)
    }
    if case .policyGradient(_, let baseline) = distanceLoss.divergence, let uniforms = part.uniforms {
      return model.sampledDivergence(uniforms.to(logits.device), baseline)
    }
    return model.divergence(distanceLoss.direction)
  }

  /// p and log p at each position of a part, `[n, K]`.
  private func targets(_ distanceTerm: LossPlan.DistanceTerm, _ part: LossPlan.Part) -> (
    p: () -> Tensor, logP: () -> Tensor
  ) {
    switch part.term.table {
    case .rows(let p, let logP):
      func rows(_ table: Tensor) -> Tensor { target(table).indexSelect(0, index(part.term.targets)) }
      return ({ rows(p) }, { rows(logP) })
    case .vectors(let book, let sharpness) where logits.device != .cpu:
      // Made where they are needed: rows of thousands of candidates are more than is worth sending.
      let e = target(book), chosen = index(part.term.targets), x = e.indexSelect(0, chosen)
      let scores = x.mm(e.transpose(0, 1)) * 2 - e.square().sum(1)
      let factors = target(Tensor(sharpness)).indexSelect(0, chosen).unsqueeze(1)
      let logP = (scores * factors).logSoftmax(1)
      return ({ logP.exp() }, { logP })
    case .vectors:
      let chosen = distanceTerm.targets(of: part)
      return ({ target(chosen.p) }, { target(chosen.logP) })
    }
  }

  /// The model's ratings of the candidates, `[n, K]`: logits, or their logarithmic softmax over the vocabulary (joined
  /// by the contrastive token, which counts as one entry more).
  private func candidateLogits(_ term: CandidateTerm) -> Tensor {
    let logitRows = index(term.logitRows), candidates = index(term.candidates)
    let contrastive = term.contrastiveTokens.isEmpty ? nil : contrastiveTokenLogits(term)
    guard term.overVocabulary else {
      let own = logits.index([logitRows.unsqueeze(1), candidates.unsqueeze(0)])
      return contrastive.map { Tensor.cat([own, $0.unsqueeze(1)], 1) } ?? own
    }
    let own = logits.indexSelect(0, logitRows)
    guard let contrastive else { return own.logSoftmax(1).indexSelect(1, candidates) }
    let last = Tensor([Int64(own.size(1))], device: logits.device)
    return Tensor.cat([own, contrastive.unsqueeze(1)], 1).logSoftmax(1).indexSelect(1, Tensor.cat([candidates, last]))
  }

  /// Logits of the contrastive tokens, `[n]`.
  private func contrastiveTokenLogits(_ term: CandidateTerm) -> Tensor {
    let tokens = index(term.contrastiveTokens)
    return term.contrastiveRows.isEmpty
      ? logits.index([index(term.logitRows), tokens])
      : contrastLogits(index(term.contrastiveRows), tokens).to(logits.dtype)
  }

  /// A part of the target in the logits' type and place.
  private func target(_ tensor: Tensor) -> Tensor { tensor.to(logits.device, dtype: logits.dtype) }
}

extension Objective {
  /// The loss of a batch from its hidden states.
  ///
  /// - Parameters:
  ///   - hidden: `[N, H]`, the last hidden states at `supervision.logitRows`.
  ///   - contrastHidden: `[N_c, H]`, those of the contrastive passes at `supervision.contrastLogitRows`; needed only if
  ///     there are any.
  ///   - head: the last projection, `[V, H]`.
  ///   - denominators: N and Σw of the whole optimizer step.
  /// - Returns: equation 6 and its parts. Half-precision logits are taken up to float32 first. By our kernels where
  ///   they take these tensors and divergences (`FusedLoss`), else as a composition of operators.
  public func callAsFunction(
    hidden: Tensor, contrastHidden: Tensor? = nil, head: OutputHead, supervision: Supervision,
    denominators: Denominators
  ) -> LossValue {
    torchPrecondition(
      hidden.size(0) == supervision.labels.count, "hidden \(hidden.shape) for \(supervision.labels.count) labels")
    // The kernels take products of states and weights, not what is made of them.
    if head.cap != nil, FusedLoss.takes(hidden, contrastHidden, head.weight, head.bias) {
      return self(
        logits: head(hidden), contrastLogits: contrastHidden.map { head($0) }, supervision: supervision,
        denominators: denominators)
    }
    let plan = plan(supervision, denominators)
    if head.cap == nil, plan.isFusible, FusedLoss.takes(hidden, contrastHidden, head.weight, head.bias) {
      return plan { $0(hidden: hidden, weight: head.weight, bias: head.bias, contrast: contrastHidden) }
    }
    let rowsAtOnce = ChunkedLoss.rowsAtOnce(vocabulary: head.weight.size(0), on: hidden.device)
    if hidden.size(0) > rowsAtOnce {
      return ChunkedLoss(plan: plan, head: head, rowsAtOnce: rowsAtOnce)(hidden, contrast: contrastHidden)
    }
    return PlainLoss(
      plan: plan, logits: head(hidden).full,
      contrastLogits: { rows, tokens in head.logits(of: tokens, in: rows, contrastHidden) })()
  }

  /// The loss of a batch from its logits.
  ///
  /// - Parameters:
  ///   - logits: `[N, V]`, at `supervision.logitRows`.
  ///   - contrastLogits: `[N_c, V]`, those of the contrastive passes at `supervision.contrastLogitRows`.
  ///   - denominators: N and Σw of the whole optimizer step.
  /// - Returns: equation 6 and its parts.
  public func callAsFunction(
    logits: Tensor, contrastLogits: Tensor? = nil, supervision: Supervision, denominators: Denominators
  ) -> LossValue {
    torchPrecondition(
      logits.size(0) == supervision.labels.count, "logits \(logits.shape) for \(supervision.labels.count) labels")
    let plan = plan(supervision, denominators)
    if plan.isFusible, FusedLoss.takes(logits, contrastLogits) {
      return plan { $0(logits: logits, contrast: contrastLogits) }
    }
    return PlainLoss(
      plan: plan, logits: logits.full,
      contrastLogits: { logitRows, tokens in
        guard let contrastLogits else { preconditionFailure("no logits of the contrastive passes") }
        return contrastLogits.index([logitRows, tokens]).full
      })()
  }
}
