package import MetricTokens
package import Torch

/// What an objective asks of a batch's logits: which rows and tokens, which targets, which weights.
///
/// This is the whole meaning of a loss; how it is computed is another matter. `PlainLoss` composes ATen operators, and
/// a fused kernel may do the same in chunks without ever holding `[N, V]`.
package struct LossPlan {
  /// Metric tokens of one term that are rated alike.
  package struct Rows {
    /// Rows of the logits, `[n]`.
    package var queries: [Int64]
    /// w / Σw of each, `[n]`.
    package var weights: [Double]
    /// Which row of `logP` is the target of each, `[n]`.
    package var targets: [Int64]
    /// The distinct targets, `[R, K]` float64, with K = M, or M + 1 where a neighbour's token joins.
    package var p: Tensor
    /// log p `[R, K]`, 0 where p is 0 (p·log p is then 0 as well).
    package var logP: Tensor
    /// What measures other than divergences rate, `[R, K]` float64: distances, or differences of values.
    package var costs: Tensor?
    /// Uniform random numbers of [0, 1), `[n, S]` float64, for S samples at each position.
    package var uniforms: Tensor?
    /// The neighbours' tokens, `[n]`, if K = M + 1.
    package var extra: Extra?
  }

  /// One token more per metric position (A.2).
  package struct Extra {
    /// Vocabulary ids x̄_t, `[n]`.
    package var tokens: [Int64]
    /// Rows that predict them: of x's own pass, or of the neighbours' passes.
    package var queries: [Int64]
    /// Which of the two.
    package var isTwoPass: Bool
  }

  /// One distance loss.
  package struct Match {
    /// Name of the summand.
    package var name: String
    /// α
    package var weight: Double
    /// Token ids of the candidates, `[M]`.
    package var candidates: [Int64]
    /// Domain of the model's softmax.
    package var softmax: MetricMatch.Softmax
    /// What is asked of the model.
    package var measure: Measure
    /// Direction of the divergence.
    package var direction: MetricMatch.Direction
    /// What the mass outside the candidates costs, over the vocabulary, where the measure is no divergence.
    package var costOutside: Double
    /// Positions without and with a neighbour's token; no empty ones.
    package var rows: [Rows]
  }

  /// Token to be predicted in each row, `[N]`.
  package var labels: [Int64]
  /// 1/N of the step.
  package var crossEntropyScale: Double
  /// ε of the cross entropy.
  package var labelSmoothing: Double
  /// One per term.
  package var matches: [Match]
}

extension Objective {
  /// Puts an objective and a batch's supervision together.
  package func plan(_ supervision: Supervision, _ denominators: Denominators) -> LossPlan {
    precondition(
      denominators.weights.count == terms.count, "\(denominators.weights.count) weights for \(terms.count) terms")
    func scale(_ denominator: Double) -> Double { reduction == .literalSums || denominator == 0 ? 1 : 1 / denominator }
    precondition(
      reduction == .literalSums || Double(supervision.labels.count) <= denominators.supervised,
      "\(supervision.labels.count) supervised tokens in a step of \(denominators.supervised)")
    return LossPlan(
      labels: supervision.labels.map(Int64.init), crossEntropyScale: scale(denominators.supervised),
      labelSmoothing: labelSmoothing,
      matches: terms.indices.map { index in
        let term = terms[index]
        return term.match.plan(
          supervision.metrics.filter { $0.metric == term.metric }, name: names[index + 1], weight: term.weight,
          scale: scale(denominators.weights[index]))
      })
  }
}

extension MetricMatch {
  fileprivate func plan(_ targets: [MetricTarget], name: String, weight: Double, scale: Double) -> LossPlan.Match {
    let isContrasted = { (target: MetricTarget) in contrast.isActive && target.contrast != nil }
    let rows = [targets.filter { !isContrasted($0) }, targets.filter(isContrasted)]
    return LossPlan.Match(
      name: name, weight: weight, candidates: space.ids.map(Int64.init), softmax: softmax, measure: measure,
      direction: direction, costOutside: softmax == .vocabulary ? costOutside : 0,
      rows: zip(rows, [false, true]).compactMap { targets, withExtra in
        targets.isEmpty ? nil : planRows(targets, withExtra: withExtra, scale: scale)
      })
  }

  private func planRows(_ targets: [MetricTarget], withExtra: Bool, scale: Double) -> LossPlan.Rows {
    struct Key: Hashable {
      var candidate: Int
      var extraDistance: Double?
    }
    var rowOf = [Key: Int](), keys = [Key]()
    let rows = targets.map { target -> Int64 in
      precondition(
        (0..<space.count).contains(target.candidate), "candidate \(target.candidate) of space \(space.name)")
      let extra = withExtra ? target.contrast.map { contrastDistance(target, $0) } : nil
      let key = Key(candidate: target.candidate, extraDistance: extra)
      if let row = rowOf[key] { return Int64(row) }
      rowOf[key] = keys.count
      keys.append(key)
      return Int64(keys.count - 1)
    }
    let logP =
      withExtra
      ? resolved.rows(around: keys.map(\.candidate), extraDistances: keys.compactMap(\.extraDistance))
      : resolved.rows(around: keys.map(\.candidate))
    let costs = costs(around: keys.map { ($0.candidate, $0.extraDistance) })
    return LossPlan.Rows(
      queries: targets.map { Int64($0.query) }, weights: targets.map { place.weight(of: $0.place) * scale },
      targets: rows, p: logP.exp(), logP: Tensor.select(logP.isFinite(), logP, 0),
      costs: costs.map { Tensor($0, shape: logP.shape) }, uniforms: uniforms(targets),
      extra: withExtra ? extra(targets.compactMap { t in t.contrast.map { (t, $0) } }) : nil)
  }

  /// Numbers that depend on the positions' own streams alone, so that neither accumulation nor layout changes a sample.
  private func uniforms(_ targets: [MetricTarget]) -> Tensor? {
    guard measure.samples > 0 else { return nil }
    let values = targets.flatMap { target in
      var generator = CounterGenerator(target.stream)
      return (0..<measure.samples).map { _ in Double(generator.next() >> 11) * 0x1p-53 }
    }
    return Tensor(values, shape: [targets.count, measure.samples])
  }

  private func extra(_ targets: [(target: MetricTarget, contrast: ContrastTarget)]) -> LossPlan.Extra {
    LossPlan.Extra(
      tokens: targets.map { Int64($0.contrast.token) },
      queries: targets.map { target, contrast in
        guard self.contrast.isTwoPass else { return Int64(target.query) }
        guard let query = contrast.query else { preconditionFailure("match \(name) needs a pass on the neighbour") }
        return Int64(query)
      },
      isTwoPass: contrast.isTwoPass)
  }
}
