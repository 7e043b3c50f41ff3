// SPDX-License-Identifier: Apache-2.0
import Recipes
import Foundation
public import MetricTokens

/// One problem of the toy experiment (section 3.1): three points of a line, and the value at x = 0.5.
///
/// The prompt does not say that the relation is linear. Values have three decimals, as the paper's 0.123.
public struct RegressionProblem: Sendable, Hashable, Codable {
  /// Three distinct x in [0, 1] with their y, rounded to three decimals.
  public var points: [(x: Double, y: Double)] { zip(xs, ys).map { ($0, $1) } }
  private var xs: [Double]
  private var ys: [Double]
  /// y at x = 0.5, rounded to three decimals.
  public var answer: Double

  /// A line with slope in [0.1, 1.0] and intercept in [0.0, 0.5], and three distinct x of 0.000 … 1.000 (3.1;
  /// docs/paper-map.md Q19).
  public init(using generator: inout CounterGenerator) {
    let slope = 0.1 + 0.9 * generator.nextUnit()
    let intercept = 0.5 * generator.nextUnit()
    var chosen = [Int]()
    while chosen.count < 3 {
      let x = generator.next(below: 1001)
      if !chosen.contains(x) { chosen.append(x) }
    }
    xs = chosen.map { Double($0) / 1000 }
    ys = xs.map { Self.rounded(slope * $0 + intercept) }
    answer = Self.rounded(slope * Self.query + intercept)
  }

  /// Where y is asked for.
  public static let query = 0.5
  /// The answer that minimises the expected absolute error without reading the prompt: the median of y at 0.5 when
  /// slope and intercept are uniform. It stands in for answers that are not numbers.
  public static let constantMedian = 0.525
  /// Errors of always answering ``constantMedian`` (docs/paper-map.md, Slips): what a model must beat to
  /// have learnt.
  public static let constantError = (mae: 0.159, rmse: 0.194)

  /// Three lines `x = 0.123, y = 0.456`, then `x = 0.500, y =`.
  public var prompt: String {
    points.map { "x = \(Self.text($0.x)), y = \(Self.text($0.y))\n" }.joined() + "x = \(Self.text(Self.query)), y ="
  }
  /// ` 0.615`
  public var completion: String { " " + Self.text(answer) }

  private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
  private static func text(_ value: Double) -> String { String(format: "%.3f", value) }
}

/// The problems of one seed: ten to learn from, the rest to be tested on.
public struct RegressionData: Sendable {
  /// Training problems; an experiment with N of them takes the first N.
  public var training: [RegressionProblem]
  /// Test problems, disjoint draws of the same distribution.
  public var test: [RegressionProblem]

  /// The same problems for the same seed, however many are asked for.
  public init(seed: Int, training: Int = 10, test: Int) {
    func draw(_ stream: UInt64, _ count: Int) -> [RegressionProblem] {
      (0..<count).map { index in
        var generator = CounterGenerator(UInt64(bitPattern: Int64(seed)), stream, UInt64(index))
        return RegressionProblem(using: &generator)
      }
    }
    self.training = draw(0, training)
    self.test = draw(1, test)
  }
}

extension CounterGenerator {
  /// A number of [0, 1) with 53 random bits. (`Double.random` may change between releases of Swift.)
  fileprivate mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
