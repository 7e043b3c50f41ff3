// SPDX-License-Identifier: Apache-2.0
package import MetricTokens
package import Torch

/// Plan of an objective over a batch's logits: which rows and tokens, which targets, which weights.
///
/// This is the whole meaning of a loss; how it is computed is another matter. `PlainLoss` composes ATen operators, and
/// a fused kernel may do the same in chunks without ever holding `[N, V]`.
package struct LossPlan {
  /// Metric tokens of one distance loss that are rated alike.
  package struct Part {
    /// Their columns, the kernels' own.
    package var term: CandidateTerm
    /// Costs of divergences other than KL, `[R, K]` float64: distances, or differences of values.
    package var costs: Tensor?
    /// Uniform random numbers of [0, 1), `[n, S]` float64, for S samples at each position.
    package var uniforms: Tensor?
  }

  /// One distance loss, and where.
  package struct DistanceTerm {
    /// Name of the loss term.
    package var name: String
    /// α
    package var weight: Double
    /// Divergence, its direction, and the domain of the model's softmax.
    package var distanceLoss: DistanceLoss
    /// Positions without and with a contrastive token, and those with given targets; no empty ones.
    package var parts: [Part]

    /// p and log p at each position of a part, `[n, K]` float64.
    package func targets(of part: Part) -> (p: Tensor, logP: Tensor) {
      switch part.term.table {
      case .rows(let p, let logP):
        let rows = Tensor(part.term.targets)
        return (p.indexSelect(0, rows), logP.indexSelect(0, rows))
      case .vectors:
        let logP = distanceLoss.resolved.rows(around: part.term.targets.map(Int.init))
        return (logP.exp(), logP)
      }
    }
  }

  /// Token to be predicted in each row, `[N]`; −100 for none.
  package var labels: [Int64]
  /// 1/N of the step.
  package var crossEntropyScale: Double
  /// ε of the cross entropy.
  package var labelSmoothing: Double
  /// How distance losses are weighed against the cross entropy of the same tokens.
  package var balance: Objective.Balance
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
      labelSmoothing: labelSmoothing, balance: balance,
      distanceLosses: terms.indices.map { index in
        let term = terms[index]
        return term.distanceLoss.plan(
          term.positions(in: supervision), name: names[index + 1],
          LossFactors(weight: term.weight, scale: scale(distanceDenominators[index])))
      })
  }
}

/// What a distance loss is multiplied by: α, and 1 / Σw of the step.
struct LossFactors {
  let weight: Double
  let scale: Double
}

extension DistanceLoss {
  fileprivate func plan(_ targets: [MetricTarget], name: String, _ factors: LossFactors) -> LossPlan.DistanceTerm {
    let isContrasted = { (target: MetricTarget) in contrast.isActive && target.contrast != nil }
    let given = targets.filter { $0.given != nil }, made = targets.filter { $0.given == nil }
    let groups = [made.filter { !isContrasted($0) }, made.filter(isContrasted)]
    return LossPlan.DistanceTerm(
      name: name, weight: factors.weight, distanceLoss: self,
      parts: zip(groups, [false, true]).compactMap { targets, withContrastive in
        targets.isEmpty ? nil : planPart(targets, withContrastive: withContrastive, factors)
      } + planGiven(given, factors))
  }

  /// The columns of some positions.
  func term(
    at positions: [MetricTarget], candidates: [Int32], targets: [Int64], table: CandidateTerm.Targets,
    contrastive: (tokens: [Int64], rows: [Int64]) = ([], []), _ factors: LossFactors
  ) -> CandidateTerm {
    CandidateTerm(
      coefficient: factors.weight, candidates: candidates.map(Int64.init), overVocabulary: softmax == .vocabulary,
      isReversed: direction == .reverse, logitRows: positions.map { Int64($0.logitRow) },
      weights: positions.map { place.weight(of: $0.place) * factors.scale }, targets: targets, table: table,
      contrastiveTokens: contrastive.tokens, contrastiveRows: contrastive.rows)
  }

  private func planPart(_ targets: [MetricTarget], withContrastive: Bool, _ factors: LossFactors) -> LossPlan.Part {
    if let vectors = resolved.vectors, !withContrastive, [.kullbackLeibler, .expectedDistance].contains(divergence) {
      let book = vectors.book.tensor(dtype: .float32, device: .cpu)
      return LossPlan.Part(
        term: term(
          at: targets, candidates: space.ids, targets: targets.map { Int64(checked($0.candidate)) },
          table: .vectors(book, sharpness: vectors.sharpness), factors))
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
    return LossPlan.Part(
      term: term(
        at: targets, candidates: space.ids, targets: rows,
        table: .rows(p: logP.exp(), logP: Tensor.select(logP.isFinite(), logP, 0)),  // p·log p is 0 where p is 0
        contrastive: withContrastive ? contrastive(targets.compactMap { t in t.contrast.map { (t, $0) } }) : ([], []),
        factors),
      costs: costs.map { Tensor($0, shape: logP.shape) }, uniforms: uniforms(targets))
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

  /// Vocabulary ids x̄_t (A.2), and the rows of the contrastive passes that predict them; no rows where x's own do.
  private func contrastive(
    _ targets: [(target: MetricTarget, contrast: ContrastTarget)]
  ) -> (tokens: [Int64], rows: [Int64]) {
    let tokens = targets.map { Int64($0.contrast.token) }
    guard contrast.isTwoPass else { return (tokens, []) }
    return (
      tokens,
      targets.map { _, contrast in
        guard let logitRow = contrast.logitRow else {
          preconditionFailure("distance loss \(name) needs a pass on the contrastive example")
        }
        return Int64(logitRow)
      }
    )
  }
}
