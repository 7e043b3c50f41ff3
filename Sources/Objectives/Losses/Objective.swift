// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// Training objective (equation 6):
///
///     L = L_CE + α · L_dist        Objective.crossEntropy + 0.1 * distanceLoss
///
/// with L_CE = (1/N) Σ CE over the supervised tokens and L_dist = Σ w·KL / Σ w over the metric tokens, where N and Σ w
/// are those of the whole optimizer step (equations 3, 5, 6; docs/paper-map.md Q5).
///
/// Several metrics share one L_dist: each term adds αᵢ · Σᵢ w·KL / Σ w, its own tokens above, the tokens of all metrics
/// below. So nine digits weigh the same as one metric or as three (``Reduction/meansPerMetric`` has it otherwise), and
/// αᵢ are factors between metrics.
public struct Objective: Sendable {
  /// How sums become losses.
  public enum Reduction: String, Sendable, Hashable, Codable, CaseIterable {
    /// Means over the whole step: α has a meaning that depends neither on batch size nor on how many metrics there are.
    case means
    /// As `means`, but each metric is a mean over its own tokens: k metrics weigh k·α together, and a metric of few
    /// tokens as much as one of many.
    case meansPerMetric
    /// Sums, as equations 3, 5 and 9 are printed.
    case literalSums
  }

  /// How distance losses are weighed against the cross entropy of the same token, besides α. The two adaptive forms are
  /// those of EMO (Ren et al. 2023, arXiv 2310.04691), with D + p_θ(x) for the distance loss D and the target x: p_θ(x) is
  /// a constant there and keeps the quotient finite where x is certain.
  public enum Balance: String, Sendable, Hashable, Codable, CaseIterable {
    /// CE + α·D
    case fixed
    /// CE + α·sg(CE/(D + p_θ(x)))·D: the distance loss is brought to the size of the cross entropy.
    case distance
    /// sg((D + p_θ(x))/CE)·CE + α·D: the cross entropy is brought to the size of the distance loss.
    case crossEntropy
  }

  /// α · distance loss
  public struct Term: Sendable {
    /// α
    public var weight: Double
    /// L_dist
    public var distanceLoss: DistanceLoss
    /// Which metric positions it takes, by `MetricTarget.metric`; nil: every supervised token that is a candidate.
    public var metric: Int?

    /// The positions that it takes.
    func positions(in supervision: Supervision) -> [MetricTarget] {
      if let metric { return supervision.metrics.filter { $0.metric == metric } }
      return supervision.labels.enumerated().compactMap { row, label in
        distanceLoss.space.candidate(of: label).map { MetricTarget(logitRow: row, candidate: $0) }
      }
    }
  }

  /// Label smoothing of the cross entropy, over the whole vocabulary; 0 for one-hot targets (equation 3).
  public var labelSmoothing: Double
  /// The distance losses, by default one for each metric in order.
  public private(set) var terms: [Term]
  /// How sums become losses.
  public var reduction: Reduction
  /// How distance losses are weighed against the cross entropy of the same tokens; `fixed` unless it is set.
  public var balance = Balance.fixed

  /// Cross entropy alone; terms are added by `+`.
  public init(labelSmoothing: Double = 0, reduction: Reduction = .means) {
    precondition((0..<1).contains(labelSmoothing), "label smoothing \(labelSmoothing), not in 0 ..< 1")
    self.labelSmoothing = labelSmoothing
    self.reduction = reduction
    terms = []
  }

  /// Adds α · distance loss for a metric; by default the next one, so that the first distance loss takes metric 0.
  ///
  /// A name that is taken gets the term's number: `dist`, `dist.1`.
  public mutating func add(_ distanceLoss: DistanceLoss, weight: Double, metric: Int? = nil) {
    precondition(weight.isFinite, "weight \(weight) of \(distanceLoss.name)")
    terms.append(Term(weight: weight, distanceLoss: distanceLoss, metric: metric ?? terms.count))
  }

  /// Adds α · distance loss of every supervised token that is one of its candidates.
  public mutating func addEverywhere(_ distanceLoss: DistanceLoss, weight: Double) {
    precondition(weight.isFinite, "weight \(weight) of \(distanceLoss.name)")
    terms.append(Term(weight: weight, distanceLoss: distanceLoss, metric: nil))
  }

  /// Names of the loss terms in order: `ce`, then one per term.
  public var names: [String] {
    var names = ["ce"]
    for (index, term) in terms.enumerated() {
      names.append(
        names.contains(term.distanceLoss.name) ? "\(term.distanceLoss.name).\(index)" : term.distanceLoss.name)
    }
    return names
  }

  /// Checks that a model with this many logits can produce every candidate.
  ///
  /// - Throws: `TokenSpaceError` naming the space and the id.
  public func check(vocabularySize: Int) throws {
    for term in terms { try term.distanceLoss.space.check(vocabularySize: vocabularySize) }
  }

  /// Draws the contrastive examples that contrast needs; nil if no term has any.
  public func contrastiveSampler(seed: UInt64) -> ContrastiveSampler? {
    guard let last = terms.compactMap(\.metric).max() else { return nil }
    var rules = [ContrastiveRule?](repeating: nil, count: last + 1)
    for term in terms {
      if let metric = term.metric { rules[metric] = rules[metric] ?? term.distanceLoss.contrastiveRule }
    }
    return rules.contains { $0 != nil } ? ContrastiveSampler(rules, seed: seed) : nil
  }

  /// Whether contrastive examples need a pass of their own (`TokenBatch`'s `twoPass`).
  public var needsContrastivePass: Bool { terms.contains { $0.distanceLoss.contrast.isTwoPass } }
}

/// α · L_dist
public struct WeightedDistanceLoss: Sendable {
  /// α
  public var weight: Double
  /// L_dist
  public var distanceLoss: DistanceLoss
}

/// α · L_dist
public func * (weight: Double, distanceLoss: DistanceLoss) -> WeightedDistanceLoss {
  WeightedDistanceLoss(weight: weight, distanceLoss: distanceLoss)
}

/// L + α · L_dist
public func + (objective: Objective, term: WeightedDistanceLoss) -> Objective {
  var sum = objective
  sum.add(term.distanceLoss, weight: term.weight)
  return sum
}
