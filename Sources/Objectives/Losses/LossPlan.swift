// SPDX-License-Identifier: Apache-2.0
package import MetricTokens
package import Torch

/// Plan of an objective over a batch's logits: which rows and tokens, which targets, which weights.
///
/// This is the whole meaning of a loss; how it is computed is another matter. `PlainLoss` composes ATen operators, and
/// a fused kernel may do the same in chunks without ever holding `[N, V]`.
package struct LossPlan {
  /// Metric tokens of one term that are rated alike.
  package struct Rows {
    /// Token ids of the candidates, `[M]`.
    package var candidates: [Int64]
    /// Rows of the logits, `[n]`.
    package var logitRows: [Int64]
    /// w / Σw of each, `[n]`, with Σw of the whole step.
    package var weights: [Double]
    /// Which target of `table` is that of each, `[n]`.
    package var targets: [Int64]
    /// The targets, with K = M, or M + 1 where a contrastive token joins.
    package var table: Targets
    /// Costs of divergences other than KL, `[R, K]` float64: distances, or differences of values.
    package var costs: Tensor?
    /// Uniform random numbers of [0, 1), `[n, S]` float64, for S samples at each position.
    package var uniforms: Tensor?
    /// The contrastive tokens, `[n]`, if K = M + 1.
    package var contrastive: Contrastive?
  }

  /// Targets over K candidates.
  package enum Targets {
    /// The distinct ones: p `[R, K]` float64, and log p, 0 where p is 0 (p·log p is then 0 as well).
    case rows(p: Tensor, logP: Tensor)
    /// Those around every candidate of a large code book, never held together: exp(−sharpness · ‖e(v) − e(x)‖²) / Z of
    /// vectors e `[M, D]`. `resolved` has the same as rows.
    case vectors(Tensor, sharpness: [Double], resolved: ResolvedTarget)

    /// p and log p of some of them, `[n, K]` float64.
    package func chosen(_ targets: [Int64]) -> (p: Tensor, logP: Tensor) {
      switch self {
      case .rows(let p, let logP):
        let rows = Tensor(targets)
        return (p.indexSelect(0, rows), logP.indexSelect(0, rows))
      case .vectors(_, _, let resolved):
        let logP = resolved.rows(around: targets.map(Int.init))
        return (logP.exp(), logP)
      }
    }
  }

  /// One token more per metric position (A.2).
  package struct Contrastive {
    /// Vocabulary ids x̄_t, `[n]`.
    package var tokens: [Int64]
    /// Rows that predict them: of x's own pass, or of the contrastive passes.
    package var logitRows: [Int64]
    /// Which of the two.
    package var isTwoPass: Bool
  }

  /// One distance loss.
  package struct DistanceTerm {
    /// Name of the loss term.
    package var name: String
    /// α
    package var weight: Double
    /// Domain of the model's softmax.
    package var softmax: DistanceLoss.Softmax
    /// Question to the model.
    package var divergence: Divergence
    /// Direction of the divergence.
    package var direction: DistanceLoss.Direction
    /// Cost of the mass outside the candidates, over the vocabulary, where the divergence is not KL.
    package var costOutside: Double
    /// Positions without and with a contrastive token; no empty ones.
    package var rows: [Rows]
  }

  /// Token to be predicted in each row, `[N]`; −100 for none.
  package var labels: [Int64]
  /// 1/N of the step.
  package var crossEntropyScale: Double
  /// ε of the cross entropy.
  package var labelSmoothing: Double
  /// One per term.
  package var distanceLosses: [DistanceTerm]
}

extension Objective {
  /// Puts an objective and a batch's supervision together.
  package func plan(_ supervision: Supervision, _ denominators: Denominators) -> LossPlan {
    let distanceDenominators = distanceDenominators(denominators)
    func scale(_ denominator: Double) -> Double { reduction == .literalSums || denominator == 0 ? 1 : 1 / denominator }
    precondition(
      reduction == .literalSums || Double(supervision.labels.count) <= denominators.supervised,
      "\(supervision.labels.count) supervised tokens in a step of \(denominators.supervised)")
    return LossPlan(
      labels: supervision.labels.map(Int64.init), crossEntropyScale: scale(denominators.supervised),
      labelSmoothing: labelSmoothing,
      distanceLosses: terms.indices.map { index in
        let term = terms[index]
        return term.distanceLoss.plan(
          supervision.metrics.filter { $0.metric == term.metric }, name: names[index + 1], weight: term.weight,
          scale: scale(distanceDenominators[index]))
      })
  }
}

extension DistanceLoss {
  fileprivate func plan(_ targets: [MetricTarget], name: String, weight: Double, scale: Double) -> LossPlan.DistanceTerm
  {
    let isContrasted = { (target: MetricTarget) in contrast.isActive && target.contrast != nil }
    let given = targets.filter { $0.given != nil }, made = targets.filter { $0.given == nil }
    let rows = [made.filter { !isContrasted($0) }, made.filter(isContrasted)]
    return LossPlan.DistanceTerm(
      name: name, weight: weight, softmax: softmax, divergence: divergence,
      direction: direction, costOutside: softmax == .vocabulary ? costOutside : 0,
      rows: zip(rows, [false, true]).compactMap { targets, withContrastive in
        targets.isEmpty ? nil : planRows(targets, withContrastive: withContrastive, scale: scale)
      } + planGiven(given, scale: scale))
  }

  private func planRows(_ targets: [MetricTarget], withContrastive: Bool, scale: Double) -> LossPlan.Rows {
    if let vectors = resolved.vectors, !withContrastive, divergence == .kullbackLeibler {
      return LossPlan.Rows(
        candidates: space.ids.map(Int64.init), logitRows: targets.map { Int64($0.logitRow) },
        weights: targets.map { place.weight(of: $0.place) * scale },
        targets: targets.map { Int64(checked($0.candidate)) },
        table: .vectors(
          vectors.book.tensor(dtype: .float32, device: .cpu), sharpness: vectors.sharpness, resolved: resolved))
    }
    struct Key: Hashable {
      var candidate: Int
      var contrastiveDistance: Double?
    }
    var rowOf = [Key: Int](), keys = [Key]()
    let rows = targets.map { target -> Int64 in
      let contrastive = withContrastive ? target.contrast.map { contrastDistance(target, $0) } : nil
      let key = Key(candidate: checked(target.candidate), contrastiveDistance: contrastive)
      if let row = rowOf[key] { return Int64(row) }
      rowOf[key] = keys.count
      keys.append(key)
      return Int64(keys.count - 1)
    }
    let logP =
      withContrastive
      ? resolved.rows(around: keys.map(\.candidate), contrastiveDistances: keys.compactMap(\.contrastiveDistance))
      : resolved.rows(around: keys.map(\.candidate))
    let costs = costs(around: keys.map { ($0.candidate, $0.contrastiveDistance) })
    return LossPlan.Rows(
      candidates: space.ids.map(Int64.init), logitRows: targets.map { Int64($0.logitRow) },
      weights: targets.map { place.weight(of: $0.place) * scale },
      targets: rows, table: .rows(p: logP.exp(), logP: Tensor.select(logP.isFinite(), logP, 0)),
      costs: costs.map { Tensor($0, shape: logP.shape) }, uniforms: uniforms(targets),
      contrastive: withContrastive ? contrastive(targets.compactMap { t in t.contrast.map { (t, $0) } }) : nil)
  }

  private func checked(_ candidate: Int) -> Int {
    precondition((0..<space.count).contains(candidate), "candidate \(candidate) of space \(space.name)")
    return candidate
  }

  /// Numbers that depend on the positions' own streams alone, so that neither accumulation nor layout changes a sample.
  private func uniforms(_ targets: [MetricTarget]) -> Tensor? {
    guard divergence.samples > 0 else { return nil }
    let values = targets.flatMap { target in
      var generator = CounterGenerator(target.stream)
      return (0..<divergence.samples).map { _ in Double(generator.next() >> 11) * 0x1p-53 }
    }
    return Tensor(values, shape: [targets.count, divergence.samples])
  }

  private func contrastive(_ targets: [(target: MetricTarget, contrast: ContrastTarget)]) -> LossPlan.Contrastive {
    LossPlan.Contrastive(
      tokens: targets.map { Int64($0.contrast.token) },
      logitRows: targets.map { target, contrast in
        guard self.contrast.isTwoPass else { return Int64(target.logitRow) }
        guard let logitRow = contrast.logitRow else {
          preconditionFailure("distance loss \(name) needs a pass on the contrastive example")
        }
        return Int64(logitRow)
      },
      isTwoPass: contrast.isTwoPass)
  }
}
