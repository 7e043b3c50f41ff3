// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Reports
import Testing

/// Against numpy, scipy and statsmodels: Tests/Fixtures/statistics/make.py.
@Suite struct StatisticsTests {
  static let fixture: JSONReader = {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/statistics")
    return try! JSONReader(file: folder.appending(path: "statistics.json").path)
  }()

  static func doubles(_ reader: JSONReader) throws -> [Double] { try reader.elements().map { try $0.double() } }

  /// The rows of a table of numbers.
  static func rows(_ keys: String...) throws -> [[Double]] {
    try keys.reduce(fixture) { try $0.at($1) }.elements().map(doubles)
  }

  /// Whether two figures agree to `relative`, or both are as good as 0.
  static func agree(_ a: Double, _ b: Double, _ relative: Double = 1e-11, absolute: Double = 1e-300) -> Bool {
    a == b || abs(a - b) <= max(relative * max(abs(a), abs(b)), absolute)
  }

  @Test func randomNumbersAreSplitMix64() throws {
    var random = SplitMix64(seed: 1_234_567)
    for word in try Self.fixture.at("splitMix64").elements() { #expect("\(random.next())" == (try word.string())) }
  }

  @Test func distributionsMatchSciPy() throws {
    for row in try Self.rows("distributions", "normalCdf") { #expect(Self.agree(StandardNormal.cdf(row[0]), row[1])) }
    for row in try Self.rows("distributions", "normalQuantile") {
      #expect(Self.agree(StandardNormal.quantile(row[0]), row[1], absolute: 1e-15), "\(row)")
    }
    for row in try Self.rows("distributions", "tTail") {
      #expect(Self.agree(StudentT.twoSidedTail(row[0], degrees: row[1]), row[2]), "\(row)")
    }
    for row in try Self.rows("distributions", "tQuantile") {
      #expect(Self.agree(StudentT.twoSidedQuantile(level: row[0], degrees: row[1]), row[2]), "\(row)")
    }
    #expect(StandardNormal.quantile(0) == -.infinity)
    #expect(StandardNormal.quantile(1) == .infinity)
    #expect(StandardNormal.quantile(2).isNaN)
    #expect(StandardNormal.quantile(.nan).isNaN)
  }

  @Test func measurementsMatchNumPy() throws {
    for one in try Self.fixture.at("measurements").elements() {
      let sample = Measurements(try Self.doubles(one.at("values")))
      #expect(Self.agree(sample.mean, try one.at("mean").double()))
      #expect(Self.agree(sample.standardDeviation, try one.at("deviation").double()))
      for row in try one.at("quantiles").elements().map(Self.doubles) {
        #expect(Self.agree(sample.quantile(row[0]), row[1]))
      }
      let interval = sample.meanInterval()
      let expected = try Self.doubles(one.at("interval"))
      #expect(Self.agree(interval.low, expected[0], absolute: 1e-26))
      #expect(Self.agree(interval.high, expected[1], absolute: 1e-26))
    }
  }

  @Test func figuresOfTooFewOrBrokenValuesAreNaN() {
    #expect(Measurements([]).mean.isNaN)
    #expect(Measurements([]).median.isNaN)
    #expect(Measurements([1]).standardDeviation.isNaN)
    #expect(Measurements([1]).meanInterval().low.isNaN)
    #expect(Measurements([1, .nan]).mean.isNaN)
    #expect(Measurements([1, .nan, 0]).median.isNaN)
    #expect(Measurements([1, .infinity]).mean == .infinity)
    #expect(Measurements([2, 2, 2]).meanInterval() == ConfidenceInterval(low: 2, high: 2))
    for test in [PairedTest.studentT, .wilcoxonSignedRank, .sign, .bootstrap(Bootstrap(resamples: 10))] {
      #expect(test.pValue(ofDifferences: []).isNaN)
      #expect(test.pValue(ofDifferences: [1, .nan]).isNaN)
      #expect(test.pValue(ofDifferences: [0, 0, 0]) == 1)
    }
    #expect(Bootstrap().interval(of: [1]).low.isNaN)
    #expect(Bootstrap(resamples: 50).interval(of: [3, 3, 3]) == ConfidenceInterval(low: 3, high: 3))
    #expect(Correlation.pearson([1, 1], [1, 2]).isNaN)
    #expect(Correlation.spearman([1], [1]).isNaN)
    #expect(Correlation.spearman([1, .nan], [1, 2]).isNaN)
  }

  @Test func pairedTestsMatchSciPy() throws {
    for one in try Self.fixture.at("paired").elements() {
      let name = try one.at("name").string()
      let differences = try Self.doubles(one.at("differences"))
      for (key, test) in [("studentT", PairedTest.studentT), ("wilcoxon", .wilcoxonSignedRank), ("sign", .sign)] {
        #expect(Self.agree(test.pValue(ofDifferences: differences), try one.at(key).double(), 1e-10), "\(name) \(key)")
      }
    }
  }

  @Test func bootstrapMatchesSciPyOnTheSameResamples() throws {
    let statistics: [String: @Sendable ([Double]) -> Double] = [
      "mean": { Measurements($0).mean }, "median": { Measurements($0).median },
      "rms": { ($0.reduce(0) { $0 + $1 * $1 } / Double($0.count)).squareRoot() },
    ]
    for one in try Self.fixture.at("bootstrap").elements() {
      let name = try one.at("name").string()
      let statisticName = try one.at("statistic").string()
      let bootstrap = Bootstrap(
        resamples: try one.at("resamples").int(), method: try one.at("method").string() == "bca" ? .bca : .percentile,
        seed: UInt64(try one.at("seed").int()))
      let values = try Self.doubles(one.at("values"))
      let statistic = try #require(statistics[statisticName])
      let interval =
        statisticName == "mean"
        ? bootstrap.interval(of: values) : bootstrap.interval(of: values, statistic: statistic)
      let expected = try Self.doubles(one.at("interval"))
      #expect(Self.agree(interval.low, expected[0], 1e-10), "\(name)")
      #expect(Self.agree(interval.high, expected[1], 1e-10), "\(name)")
      if statisticName == "mean" {
        #expect(bootstrap.pValue(ofDifferences: values) == (try one.at("pValue").double()), "\(name)")
        let general = bootstrap.interval(of: values, statistic: statistic)
        #expect(Self.agree(interval.low, general.low, 1e-10))
        #expect(Self.agree(interval.high, general.high, 1e-10))
      }
    }
  }

  @Test func correlationsMatchSciPy() throws {
    for one in try Self.fixture.at("correlations").elements() {
      let (x, y) = (try Self.doubles(one.at("x")), try Self.doubles(one.at("y")))
      #expect(Self.agree(Correlation.pearson(x, y), try one.at("pearson").double(), 1e-9))
      #expect(Self.agree(Correlation.spearman(x, y), try one.at("spearman").double()))
    }
  }

  @Test func holmMatchesStatsmodels() throws {
    for one in try Self.fixture.at("holm").elements() {
      let adjusted = holmAdjusted(try Self.doubles(one.at("p")))
      for (a, b) in zip(adjusted, try Self.doubles(one.at("adjusted"))) { #expect(Self.agree(a, b)) }
    }
    let adjusted = holmAdjusted([0.01, .nan, 0.03])
    #expect(adjusted[0] == 0.02 && adjusted[1].isNaN && adjusted[2] == 0.03)
  }

  /// Why verdicts use Student's t: of 95 % intervals over five normal values, bootstrap ones hold the mean too rarely.
  @Test func coverageOverFiveSeeds() {
    var random = SplitMix64(seed: 5)
    func normal() -> Double { StandardNormal.quantile((Double(random.next() >> 11) + 0.5) / Double(1 << 53)) }
    var (t, percentile, bca) = (0, 0, 0)
    let trials = 600
    for trial in 0..<trials {
      let sample = Measurements((0..<5).map { _ in normal() })
      let seed = UInt64(trial)
      if sample.meanInterval().contains(0) { t += 1 }
      let methods = [Bootstrap.Method.percentile, .bca].map {
        Bootstrap(resamples: 500, method: $0, seed: seed).interval(of: sample.values).contains(0)
      }
      if methods[0] { percentile += 1 }
      if methods[1] { bca += 1 }
    }
    let shares = [t, percentile, bca].map { Double($0) / Double(trials) }
    #expect((0.93...0.97).contains(shares[0]), "\(shares)")
    #expect((0.75...0.88).contains(shares[1]), "\(shares)")
    #expect((0.75...0.88).contains(shares[2]), "\(shares)")
  }
}

/// Whatever finite or infinite numbers come in, figures come out: a model may answer with a number of 300 digits.
@Suite struct StatisticsOfAnySizeTests {
  static let lists: [[Double]] = [
    [3, 1e103, 14], [1e200, 2, -5e199, 7], [1.7e308, -1.7e308, 1.7e308, 1], [1e308, 1e308, 1e308, 1.1e308],
    [.leastNonzeroMagnitude, 0, .leastNonzeroMagnitude], [0, 0, 0], [1e-200, 3e-200, -2e-200], [.infinity, 1, 2],
    [-.infinity, .infinity, 3], [.nan, 1, 2],
    [1e300], [], [1e155, 1e155, 1e155, 1e154],
  ]

  @Test(arguments: lists) func nothingTraps(values: [Double]) {
    let sample = Measurements(values)
    _ = (sample.mean, sample.standardDeviation, sample.median, sample.meanInterval())
    for p in [0, 0.1, 0.5, 0.975, 1] { _ = sample.quantile(p) }
    for method in [Bootstrap.Method.bca, .percentile] {
      let bootstrap = Bootstrap(resamples: 200, method: method)
      _ = (bootstrap.interval(of: values), bootstrap.pValue(ofDifferences: values))
      _ = bootstrap.interval(of: values) { Measurements($0).median }
    }
    let others: [[Double]] = [values, values.reversed(), values.map { _ in 1e308 }, values.map { _ in 1 }]
    for other in others {
      _ = (Correlation.pearson(values, other), Correlation.spearman(values, other))
      for inference in [
        Verdict.Inference.studentT(level: 0.95), Verdict.Inference.bootstrap(Bootstrap(resamples: 200)),
      ] {
        let verdict = Verdict("MAE", ours: values, theirs: other, inference: inference)
        // No claim stands on an interval that is none.
        if verdict.outcome == .better || verdict.outcome == .worse { #expect(verdict.interval.isFinite) }
        _ = (Verdict.corrected([verdict, verdict]).map(\.description), verdict.description)
      }
    }
    for test in [PairedTest.studentT, .wilcoxonSignedRank, .sign] { _ = test.pValue(ofDifferences: values) }
    _ = Series.histograms([("a", values)])
  }

  @Test func sizeChangesNoShape() {
    let small = [3.0, 1, 4, 1, 5, 9, 2, 6], large = small.map { $0 * 1e300 }
    #expect(abs(Measurements(large).standardDeviation / 1e300 - Measurements(small).standardDeviation) < 1e-12)
    #expect(Measurements([1.5e308, 1.5e308]).mean == 1.5e308)
    let (a, b) = (Bootstrap().interval(of: small), Bootstrap().interval(of: large))
    #expect(abs(a.low - b.low / 1e300) < 1e-12)
    #expect(abs(a.high - b.high / 1e300) < 1e-12)
    #expect(abs(Correlation.pearson(small, large) - 1) < 1e-12)
  }
}
