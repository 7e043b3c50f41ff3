// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Files
import Foundation
import Testing
import Torch
import TorchNN

/// Expected values are scipy's, torch-fidelity's and numpy's: `Tests/Fixtures/imagemetrics/make.py`.
@Suite struct ImageMetricsTests {
  struct Case: Decodable, CustomTestStringConvertible, Sendable {
    let name: String, real, generated: [[Double]], frechet, precision, recall: Double
    var testDescription: String { name }
    func tensor(_ rows: [[Double]]) -> Tensor { Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count]) }
    var a: Tensor { tensor(real) }
    var b: Tensor { tensor(generated) }
  }
  struct Score: Decodable { let splits: Int, mean, deviation: Double }
  struct Expected: Decodable { let cases: [Case], logits: [[Double]], scores: [Score] }
  static let expected = try! JSONDecoder().decode(
    Expected.self,
    from: Data(
      contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../Fixtures/imagemetrics/metrics.json")))
  private var logs: Tensor {
    let rows = Self.expected.logits
    return Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count]).logSoftmax(1)
  }

  @Test(arguments: expected.cases) func frechetDistanceEqualsScipys(fixture: Case) {
    let (a, b) = (FeatureStatistics(of: fixture.a), FeatureStatistics(of: fixture.b))
    let found = a.frechetDistance(to: b)
    // The distance is a difference of traces: what is small against them is 0.
    let trace = (a.covariance * Tensor.eye(a.mean.size(0), dtype: .float64)).sum().item()
    #expect(abs(found - fixture.frechet) <= 1e-10 * trace + 1e-9 * fixture.frechet, "\(found) for \(fixture.frechet)")
    #expect(abs(b.frechetDistance(to: a) - found) <= 1e-10 * trace)
  }

  @Test(arguments: expected.cases) func precisionAndRecallEqualNumpys(fixture: Case) {
    let found = NeighbourhoodMetrics(real: fixture.a, generated: fixture.b)
    #expect(abs(found.precision - fixture.precision) < 1e-12)
    #expect(abs(found.recall - fixture.recall) < 1e-12)
  }

  @Test func classScoreEqualsTorchFidelitys() {
    for wanted in Self.expected.scores {
      let found = ClassScore(logProbabilities: logs, splits: wanted.splits)
      #expect(abs(found.mean - wanted.mean) < 1e-12 * wanted.mean)
      #expect(abs(found.deviation - wanted.deviation) < 1e-12)
    }
    // A class without probability is not the end of the score.
    let certain = ClassScore(logProbabilities: Tensor([0, -Double.infinity, -.infinity, 0], shape: [2, 2]), splits: 1)
    #expect(abs(certain.mean - 2) < 1e-12)
  }

  /// Features far from 0 in pieces: sums of squares would lose them.
  @Test func streamedStatisticsEqualWhole() {
    let x = Tensor.randn([999, 7], dtype: .float64, generator: Generator(seed: 3)) + 1e6
    var accumulator = FeatureAccumulator()
    for (start, length) in [(0, 1), (1, 500), (501, 498)] { accumulator.add(x.narrow(0, start, length)) }
    let streamed = accumulator.statistics(), mean = x.mean(0)
    let centred = x - mean
    let covariance = centred.transpose(0, 1).mm(centred) / 998
    #expect(streamed.count == 999)
    #expect(streamed.mean.isClose(to: mean, relative: 1e-15))
    #expect(streamed.covariance.isClose(to: covariance, relative: 1e-9, absolute: 1e-9))
  }

  /// A weight of k is k copies.
  @Test func weightsCountCopies() {
    let x = Tensor.randn([5, 3], dtype: .float64, generator: Generator(seed: 4))
    let weights = Tensor([2, 0, 1, 3, 1] as [Int64])
    let copies = x.indexSelect(0, Tensor([0, 0, 2, 3, 3, 3, 4] as [Int64]))
    let (a, b) = (FeatureStatistics(of: x, weights: weights), FeatureStatistics(of: copies))
    #expect(a.count == 7)
    #expect(a.mean.isClose(to: b.mean, relative: 1e-12))
    #expect(a.covariance.isClose(to: b.covariance, relative: 1e-10, absolute: 1e-12))
    let logs = x.logSoftmax(1)
    let scores = (
      ClassScore(logProbabilities: logs, splits: 1, weights: weights),
      ClassScore(logProbabilities: copies.logSoftmax(1), splits: 1)
    )
    #expect(abs(scores.0.mean - scores.1.mean) < 1e-12)
  }

  /// The published names are for the published network; the network is always named.
  @Test func namesSayWhoseFeaturesTheyAre() throws {
    let real = Named(isReferenceInception: true), other = Named(isReferenceInception: false)
    let set = ImageFeatureBatch(
      pooled: Tensor.randn([30, 4], generator: Generator(seed: 1)),
      spatial: Tensor.randn([30, 6], generator: Generator(seed: 2)),
      logProbabilities: Tensor.randn([30, 3], generator: Generator(seed: 5)).logSoftmax(1))
    var options = ImageMetricOptions()
    options.resamples = 5
    let (a, b) = (
      ImageMetrics(real: set, generated: set, network: real, options: options),
      ImageMetrics(real: set, generated: set, network: other, options: options)
    )
    #expect(a.figures.map(\.name) == ["FID", "sFID", "Inception Score", "precision", "recall"])
    #expect(
      b.figures.map(\.name) == [
        "Fréchet distance", "spatial Fréchet distance", "class score", "precision", "recall",
      ])
    #expect(b.network == "a network")
    #expect(b.realCount == 30)
    #expect(abs(b.figures[0].value) < 1e-6 && b.figures[3].value == 1 && b.figures[4].value == 1)
    let again = ImageMetrics(real: set, generated: set, network: other, options: options)
    #expect(again == b)
    let stored = try JSONDecoder().decode(ImageMetrics.self, from: JSONEncoder().encode(b))
    #expect(stored == b)
  }

  /// The standard error is about what repeating the experiment shows.
  @Test func standardErrorsAreOfTheRightSize() {
    let network = Named(isReferenceInception: false)
    func sample(_ seed: UInt64, _ shift: Double) -> ImageFeatureBatch {
      ImageFeatureBatch(pooled: Tensor.randn([400, 3], generator: Generator(seed: seed)) + shift)
    }
    var values: [Double] = [], errors: [Double] = []
    for seed in 0..<40 as Range<UInt64> {
      var options = ImageMetricOptions()
      (options.resamples, options.neighbourLimit) = (seed < 8 ? 60 : 0, 10)
      let metrics = ImageMetrics(
        real: sample(2 * seed, 0), generated: sample(2 * seed + 1, 0.5), network: network, options: options)
      values.append(metrics.figures[0].value)
      if let error = metrics.figures[0].standardError { errors.append(error) }
    }
    let mean = values.reduce(0, +) / 40
    let spread = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 39).squareRoot()
    let claimed = errors.reduce(0, +) / 8
    #expect(claimed > spread / 1.6, "\(claimed) for \(spread)")
    #expect(claimed < spread * 1.6, "\(claimed) for \(spread)")
  }
}

/// A network that is never asked.
private final class Named: ImageFeatures {
  let isReferenceInception: Bool
  let name = "a network", channels = 1, featureCount = 4
  let fixedSize: (height: Int, width: Int)? = nil
  init(isReferenceInception: Bool) { self.isReferenceInception = isReferenceInception }
  func features(of images: Tensor) -> ImageFeatureBatch { ImageFeatureBatch(pooled: images) }
}
