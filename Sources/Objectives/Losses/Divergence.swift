// SPDX-License-Identifier: Apache-2.0
import MetricTokens

/// Divergence between model and target at a metric token, given p_θ over the candidates and the target token x: the
/// last of the five slots. The paper's divergence is one value; the number-token losses and a policy gradient are
/// others.
///
/// Over the vocabulary (``DistanceLoss/Softmax/vocabulary``) each takes the mass m = p_θ(V_d) into account; below,
/// p_θ is the softmax over the subset V_d.
public enum Divergence: Sendable, Hashable {
  /// KL between target and model (equation 5), in the distance loss's ``DistanceLoss/Direction``. Over the vocabulary,
  /// −log m more.
  case kullbackLeibler

  /// Σ_v p_θ(v)·d(v, x): the distance a sampled token has on average, and so the Wasserstein-1 distance between p_θ
  /// and the one-hot target under d. With d = |v − x| it is `NTLoss` of the number token loss (Zausinger et al. 2025,
  /// arXiv 2411.02083), package `ntloss` 0.3.2 with `reweigh=False`, as in their paper. Reads d alone: neither τ nor
  /// the base measure.
  ///
  /// Over the vocabulary: m·that + (1 − m)·1.01·max d, the package's default `reweigh=True`, in which a token that is
  /// no number costs a little more than the farthest number.
  ///
  /// With the cosine distance of a model's own output embeddings over its whole vocabulary it is the bound on the earth
  /// mover distance of EMO (``Preset/emo``).
  case expectedDistance

  /// (Σ_v p_θ(v)·v − x)²: the squared error of the expected value, `NTLossDotProduct` of the same package. It cannot
  /// tell half 4, half 6 from all 5. Reads values alone. Over the vocabulary as above, with (max v − min v)² for max d.
  case squaredMean

  /// KL(p_θ ‖ p_d) by sampling: an entropy-regularised policy gradient (section 2.3) with K samples v_k ∼ p_θ.
  ///
  ///     R(v) = −d(v, x)/τ + log q(v) − log p_θ(v)                  reward per τ, entropy bonus included
  ///     ∇ ≈ −(1/K) Σ_k (R(v_k) − b_k)·∇ log p_θ(v_k)               REINFORCE
  ///
  /// Its expectation is exactly the gradient of the divergence in reverse direction, which needs no samples: what is
  /// left between the two is noise. (Section 2.3 maximises τ times this, E[−d] + τH.) The logged value is the samples'
  /// mean of log p_θ(v)/p_d(v), an unbiased estimate of that divergence. Over the vocabulary, −log m more, exactly.
  case policyGradient(samples: Int = 1, baseline: Baseline = .none)

  /// Baseline of the rewards: it leaves the expected gradient as it is and makes it vary less.
  public enum Baseline: String, Sendable, Hashable, Codable, CaseIterable {
    /// Nothing.
    case none
    /// The mean reward of the other samples at the same position; for two samples or more.
    case leaveOneOut
  }

  /// Name in loss terms and reports: `divergence`, `expectedDistance`, `squaredMean`, `policyGradient`.
  public var name: String {
    switch self {
    case .kullbackLeibler: "divergence"
    case .expectedDistance: "expectedDistance"
    case .squaredMean: "squaredMean"
    case .policyGradient: "policyGradient"
    }
  }

  /// Samples drawn at each position.
  var samples: Int { if case .policyGradient(let samples, _) = self { samples } else { 0 } }
}

extension DistanceLoss {
  /// Checks that the divergence can be taken.
  func checkDivergence() throws {
    let isReversed = divergence == .kullbackLeibler && direction == .reverse || divergence.samples > 0
    guard !isReversed || resolved.hasFullSupport else {
      throw ObjectiveError(
        "reverse KL", "some candidate of space \(space.name) has no mass in the target, so it is infinite",
        remedy: "Raise the temperature above 0, drop massless duplicates, or use forward KL.")
    }
    switch divergence {
    case .kullbackLeibler: break
    case .expectedDistance:
      guard resolved.hasTable || resolved.vectors != nil && softmax == .subset else {
        throw ObjectiveError(
          "expected distance", "space \(space.name) has \(space.count) candidates and no table of distances",
          remedy: "Use a cosine, Euclidean or mean squared distance over the candidates alone, or the divergence.")
      }
    case .squaredMean:
      guard space.values != nil else {
        throw ObjectiveError(
          "squared mean", "the tokens of space \(space.name) have no values", remedy: "Use the expected distance.")
      }
      guard !contrast.isActive else {
        throw ObjectiveError(
          "squared mean", "a contrastive token has no value of its own at a place (A.2)", remedy: "Turn contrast off.")
      }
    case .policyGradient(let samples, let baseline):
      guard samples >= (baseline == .leaveOneOut ? 2 : 1) else {
        throw ObjectiveError(
          "policy gradient", "\(samples) samples with baseline \(baseline)",
          remedy: "Draw at least one sample, and two where the others' mean is the baseline.")
      }
    }
  }

  /// Costs of the divergence for each of some targets, `[R][K]` row major: d(x, v), or v − x for the squared
  /// mean. Nil where targets say all.
  func costs(around keys: [(candidate: Int, contrastiveDistance: Double?)]) -> [Double]? {
    switch divergence {
    case .kullbackLeibler, .policyGradient: nil
    case .expectedDistance:
      keys.flatMap { key in
        (0..<space.count).map { resolved.distance(from: key.candidate, to: $0) }
          + (key.contrastiveDistance.map { [$0] } ?? [])
      }
    case .squaredMean:
      space.values.map { values in keys.flatMap { key in values.map { $0 - values[key.candidate] } } }
    }
  }

  /// Cost of all the mass outside the candidates, over the vocabulary: 1.01 of the worst candidate, as `ntloss` has
  /// it, so that no number is worse than no number.
  var costOutside: Double {
    switch divergence {
    case .kullbackLeibler, .policyGradient: 0
    case .expectedDistance: 1.01 * resolved.largestDistance
    case .squaredMean:
      space.values.map { values in
        let range = (values.max() ?? 0) - (values.min() ?? 0)
        return 1.01 * range * range
      } ?? 0
    }
  }
}
