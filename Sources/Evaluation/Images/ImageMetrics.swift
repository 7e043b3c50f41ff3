// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Torch
public import TorchNN

/// How image metrics are taken.
public struct ImageMetricOptions: Sendable, Hashable {
  /// Parts that the Inception Score is averaged over; 10 in the literature.
  public var splits = 10
  /// k of precision and recall; 3 in the literature.
  public var neighbours = 3
  /// The most images of a set for precision and recall, whose cost grows with the square; drawn at random.
  public var neighbourLimit = 10_000
  /// Resamples of both sets for standard errors; 0 for none; nil: 100 for features so narrow that this is quick.
  public var resamples: Int?
  /// Seed of the order of images and of the resamples.
  public var seed: UInt64 = 0

  /// The defaults.
  public init() {}

  // The cost of a resample grows with the cube of the width.
  private static let quickWidth = 512

  /// How many resamples there are with features of this width.
  public func resampleCount(featureCount: Int) -> Int { resamples ?? (featureCount <= Self.quickWidth ? 100 : 0) }
}

/// Figures that compare generated images with real ones by what a network sees in them.
public struct ImageMetrics: Sendable, Hashable, Codable {
  /// One figure.
  public struct Figure: Sendable, Hashable, Codable {
    /// Name with this network.
    public var name: String
    /// Its value.
    public var value: Double
    /// Its standard error, by resampling images; nil where that was not done.
    public var standardError: Double?
    /// Whether less is better.
    public var lowerIsBetter: Bool
  }

  /// The network's name.
  public let network: String
  /// Whether it is the Inception network of the published figures.
  public let isReferenceInception: Bool
  /// Width of its features.
  public let featureCount: Int
  /// How many real images there were.
  public let realCount: Int
  /// How many generated ones.
  public let generatedCount: Int
  /// The figures.
  public let figures: [Figure]

  /// Compares two sets.
  ///
  /// The standard error of the Fréchet distances and of the class score is the standard deviation over resamples of
  /// both sets. It is no percentile interval: the distance of resamples is biased upwards, by twice the bias that the
  /// distance itself has for its number of images, so that such an interval can lie beside the value. That of
  /// precision and recall is binomial, for the balls as they are.
  ///
  /// - Parameters:
  ///   - real: at least two real images, and more than `neighbours`.
  ///   - generated: as many.
  ///   - network: whose features they are.
  ///   - progress: told of each resample done.
  public init(
    real: ImageFeatureBatch, generated: ImageFeatureBatch, network: any ImageFeatures,
    options: ImageMetricOptions = ImageMetricOptions(), progress: (_ done: Int) -> Void = { _ in }
  ) {
    let names = Names(network)
    let (real, generated) = (real.shuffled(seed: options.seed), generated.shuffled(seed: options.seed &+ 1))
    let resamples = options.resampleCount(featureCount: network.featureCount)
    let errors = StandardErrors(real, generated, resamples: resamples, seed: options.seed, progress: progress)
    var figures = [
      Figure(
        name: names.frechet, value: Self.distance(real.pooled, generated.pooled), standardError: errors.frechet,
        lowerIsBetter: true)
    ]
    if let a = real.spatial, let b = generated.spatial {
      figures.append(Figure(name: names.spatial, value: Self.distance(a, b), lowerIsBetter: true))
    }
    if let logs = generated.logProbabilities {
      let score = ClassScore(logProbabilities: logs, splits: min(options.splits, logs.size(0)))
      figures.append(
        Figure(name: names.score, value: score.mean, standardError: errors.score, lowerIsBetter: false))
    }
    let limit = options.neighbourLimit
    let cover = NeighbourhoodMetrics(
      real: real.pooled.narrow(0, 0, min(limit, real.count)),
      generated: generated.pooled.narrow(0, 0, min(limit, generated.count)), neighbours: options.neighbours)
    for (name, share, count) in [
      ("precision", cover.precision, generated.count), ("recall", cover.recall, real.count),
    ] {
      let error = (share * (1 - share) / Double(min(limit, count))).squareRoot()
      figures.append(Figure(name: name, value: share, standardError: error, lowerIsBetter: false))
    }
    self.network = network.name
    isReferenceInception = network.isReferenceInception
    featureCount = network.featureCount
    (realCount, generatedCount, self.figures) = (real.count, generated.count, figures)
  }

  private static func distance(_ a: Tensor, _ b: Tensor) -> Double {
    FeatureStatistics(of: a).frechetDistance(to: FeatureStatistics(of: b))
  }

  /// The published names belong to the published network alone.
  private struct Names {
    let frechet, spatial, score: String

    init(_ network: any ImageFeatures) {
      (frechet, spatial, score) =
        network.isReferenceInception
        ? ("FID", "sFID", "Inception Score") : ("Fréchet distance", "spatial Fréchet distance", "class score")
    }
  }
}

/// Standard deviations over resamples.
private struct StandardErrors {
  var frechet: Double?
  var score: Double?

  init(
    _ real: ImageFeatureBatch, _ generated: ImageFeatureBatch, resamples: Int, seed: UInt64,
    progress: (_ done: Int) -> Void
  ) {
    guard resamples > 1 else { return }
    var distances: [Double] = [], scores: [Double] = []
    for resample in 0..<resamples {
      let weights = [real, generated].enumerated().map { index, set in
        set.resampled(CounterGenerator(seed, UInt64(resample), UInt64(index)))
      }
      distances.append(
        FeatureStatistics(of: real.pooled, weights: weights[0]).frechetDistance(
          to: FeatureStatistics(of: generated.pooled, weights: weights[1])))
      if let logs = generated.logProbabilities {
        scores.append(ClassScore(logProbabilities: logs, splits: 1, weights: weights[1]).mean)
      }
      progress(resample + 1)
    }
    frechet = Self.deviation(distances)
    if !scores.isEmpty { score = Self.deviation(scores) }
  }

  private static func deviation(_ values: [Double]) -> Double {
    let mean = values.reduce(0, +) / Double(values.count)
    return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
  }
}

extension ImageFeatureBatch {
  /// How many images.
  public var count: Int { pooled.size(0) }

  /// The images in a random order, so that a part of them stands for all.
  fileprivate func shuffled(seed: UInt64) -> ImageFeatureBatch {
    var generator = CounterGenerator(seed)
    var order = Array(0..<Int64(count))
    for index in order.indices.dropFirst() { order.swapAt(index, generator.next(below: index + 1)) }
    let rows = Tensor(order)
    return ImageFeatureBatch(
      pooled: pooled.indexSelect(0, rows), spatial: spatial?.indexSelect(0, rows),
      logProbabilities: logProbabilities?.indexSelect(0, rows))
  }

  /// How often each image is drawn when as many are drawn with replacement `[N]`.
  fileprivate func resampled(_ generator: CounterGenerator) -> Tensor {
    var (generator, counts) = (generator, [Int64](repeating: 0, count: count))
    for _ in 0..<count { counts[generator.next(below: count)] += 1 }
    return Tensor(counts)
  }
}
