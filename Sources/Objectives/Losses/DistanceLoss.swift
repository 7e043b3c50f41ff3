// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// The distance loss L_dist of one metric (equation 5): how the model's distribution over the candidates is matched
/// to the target, or measured otherwise (``Divergence``).
///
/// One value holds the five slots: candidates (`space`), score (the target's distance), base measure (the space's),
/// target, and distance loss with weights. Baselines and ablations are other values of the same.
public struct DistanceLoss: Sendable {
  /// Over which tokens the model's softmax is taken (equation 2; docs/paper-map.md Q1).
  public enum Softmax: String, Sendable, Hashable, Codable, CaseIterable {
    /// The candidates V_d, as the sentence before equation 2 says.
    case subset
    /// The vocabulary V, as the formula of equation 2 says. In either direction this adds −log p_θ(V_d), an extra push
    /// onto the candidates (identity i); reverse KL itself would be infinite, since p has no mass outside V_d.
    case vocabulary
  }

  /// Which way the divergence is taken (docs/paper-map.md Q26).
  public enum Direction: String, Sendable, Hashable, Codable, CaseIterable {
    /// KL(p_d ‖ p_θ), equation 5.
    case forward
    /// KL(p_θ ‖ p_d), what maximising E[−d] + τH does: same optimum, another way there.
    case reverse
  }

  /// Candidates V_d.
  public let space: TokenSpace
  /// Target p_d as asked for.
  public let target: TargetDistribution
  /// Domain of the model's softmax.
  public let softmax: Softmax
  /// Question to the model.
  public let divergence: Divergence
  /// Direction of the divergence; others have none.
  public let direction: Direction
  /// Weights by place.
  public let place: PlaceRule
  /// Contrastive examples among the candidates.
  public let contrast: Contrast
  /// Name of the loss term in logs.
  public let name: String
  /// Target p_d over the space.
  public let resolved: ResolvedTarget

  /// A distance loss; temperatures are solved for and tables computed here, once.
  ///
  /// - Throws: `ObjectiveError` if the distance does not fit the space, the temperature does not exist, reverse KL (or
  ///   its policy gradient) meets a target without mass somewhere, contrast or an expected distance meets a space too
  ///   large for a table, or a squared mean one without values.
  public init(
    _ space: TokenSpace, target: TargetDistribution, softmax: Softmax = .subset,
    divergence: Divergence = .kullbackLeibler,
    direction: Direction = .forward, place: PlaceRule = .none, contrast: Contrast = .none, name: String = "dist"
  ) throws {
    resolved = try target.resolved(over: space)
    guard !contrast.isActive || resolved.hasTable else {
      throw ObjectiveError(
        "contrast", "space \(space.name) has \(space.count) candidates and no table of distances",
        remedy: "Turn contrast off: it is meant for digits and scores.")
    }
    self.space = space
    self.target = target
    self.softmax = softmax
    self.divergence = divergence
    self.direction = direction
    self.place = place
    self.contrast = contrast
    self.name = name
    try checkDivergence()
  }

  /// The same distance loss with some slots changed.
  public func with(
    target: TargetDistribution? = nil, divergence: Divergence? = nil, direction: Direction? = nil,
    place: PlaceRule? = nil,
    contrast: Contrast? = nil, name: String? = nil
  ) throws -> DistanceLoss {
    try DistanceLoss(
      space, target: target ?? self.target, softmax: softmax, divergence: divergence ?? self.divergence,
      direction: direction ?? self.direction, place: place ?? self.place, contrast: contrast ?? self.contrast,
      name: name ?? self.name)
  }

  /// How the data side draws this distance loss's contrastive examples; nil without contrast.
  public var contrastiveRule: ContrastiveRule? {
    switch contrast {
    case .none: nil
    case .shared(let radius, let range), .twoPass(let radius, let range):
      ContrastiveRule(space: space, radius: radius, range: range)
    }
  }

  /// Distance of a contrastive token from the target token.
  ///
  /// Digits: that of the digit of |x − x̄| from 0, so that place by place only the decomposed difference counts
  /// (A.2; docs/paper-map.md Q12). Whole values: that of x̄ from x.
  func contrastDistance(_ target: MetricTarget, _ contrast: ContrastTarget) -> Double {
    if space.unit == .digit, let zero = space.candidate(valued: 0) {
      guard let digit = space.candidate(valued: contrast.difference) else {
        preconditionFailure("difference \(contrast.difference) is not a digit of space \(space.name)")
      }
      return resolved.distance(from: zero, to: digit)
    }
    guard let contrastiveExample = space.candidate(of: contrast.token) else {
      preconditionFailure("the contrastive token \(contrast.token) is no candidate of space \(space.name)")
    }
    return resolved.distance(from: target.candidate, to: contrastiveExample)
  }
}
