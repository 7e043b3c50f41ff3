// SPDX-License-Identifier: Apache-2.0
public import Objectives
public import Recipes

/// One way to train a reward model.
public struct RewardVariant: Sendable, Hashable {
  /// `dist`, `random`, `alpha0.02`, …
  public var name: String
  /// Description in tables.
  public var title: String
  /// Its objective.
  public var preset: Preset
  /// α; nil: the run file's.
  public var alpha: Double?
  /// Distance of every metric; nil: the run file's.
  public var distance: MetricSettings.DistanceChoice?

  init(
    _ preset: Preset, name: String? = nil, title: String, alpha: Double? = nil,
    distance: MetricSettings.DistanceChoice? = nil
  ) {
    (self.preset, self.title, self.alpha, self.distance) = (preset, title, alpha, distance)
    self.name = name ?? preset.rawValue
  }

  /// The model as it was published: what training is compared with.
  static let untrained = RewardVariant(.sft, name: "untrained", title: "backbone, not trained")
  static let sft = RewardVariant(.sft, title: "cross entropy")
  static let dist = RewardVariant(.dist, title: "squared distance")

  /// Table 3, section 3.4's baselines, and the other ways to train a reward model.
  public static let main = [
    RewardVariant(.bradleyTerry, title: "sequence classifier, pairs (the paper's binary)"),
    RewardVariant(.marginBradleyTerry, title: "the same with a margin"),
    RewardVariant(.scaledBradleyTerry, title: "the same, weighted by the margin"),
    RewardVariant(.regression, title: "regression head, squared error"),
    sft,
    RewardVariant(.vocab, title: "cross entropy once more over the scores"),
    RewardVariant(.smooth, title: "label smoothing over the scores"),
    dist,
  ]
  /// Table 8, and the distance that is not squared.
  public static let metrics = [
    RewardVariant(.dist, name: "absolute", title: "absolute distance", distance: .init("absolute")),
    RewardVariant(
      .dist, name: "random", title: "distances dealt out at random",
      distance: .init("shuffled", ["of": .text("squared")])),
  ]

  /// Table 6 without the α that `dist` has anyway.
  public static func alphas(_ values: [Double] = [1, 0.2, 0.02, 0.01, 0.005, 0.001]) -> [RewardVariant] {
    values.map { RewardVariant(.dist, name: "alpha\($0)", title: "squared distance, α = \($0)", alpha: $0) }
  }

  /// All by name.
  public static let all: [RewardVariant] = main + metrics + alphas()
}
