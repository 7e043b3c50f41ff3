// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A normal distribution around a real number, as probabilities of bins that are one token each: HL-Gauss (Imani and
/// White 2018, arXiv 1806.04613; Farebrother et al. 2024, arXiv 2403.03950).
///
///     p(k) = [Φ((b_{k+1} − y)/σ) − Φ((b_k − y)/σ)] / [Φ((b_M − y)/σ) − Φ((b_0 − y)/σ)]
///
/// Bin k reaches from b_k to b_{k+1}, half way to the values beside its own; the outermost are as wide to the outside as to
/// the inside. Where bins are narrow beside σ it is the target of the squared distance with τ = 2σ², whose centre, too, may
/// lie between the bins.
public struct HistogramTarget: Sendable, Hashable {
  /// b_0 … b_M, ascending.
  public let edges: [Double]
  /// Which bin each candidate is.
  private let bins: [Int]
  /// How many candidates share each bin.
  private let shares: [Int]

  /// Bins around the values of a space's candidates.
  ///
  /// - Parameter values: finite; equal ones share a bin.
  public init(values: [Double]) {
    let sorted = Set(values).sorted()
    precondition(sorted.count > 1 && values.allSatisfy(\.isFinite), "bins around \(values.prefix(3))")
    let inner = zip(sorted, sorted.dropFirst()).map { ($0 + $1) / 2 }, last = sorted.count - 1
    edges = [2 * sorted[0] - inner[0]] + inner + [2 * sorted[last] - inner[last - 1]]
    let places = Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($1, $0) })
    bins = values.map { places[$0] ?? 0 }
    shares = bins.reduce(into: sorted.map { _ in 0 }) { $0[$1] += 1 }
  }

  /// Mean width of the bins.
  public var width: Double { (edges[edges.count - 1] - edges[0]) / Double(edges.count - 1) }

  /// Probability of each candidate, sum 1.
  ///
  /// - Parameters:
  ///   - y: centre, in the bins or not.
  ///   - deviation: σ > 0
  public func probabilities(around y: Double, deviation: Double) -> [Double] {
    precondition(deviation > 0 && y.isFinite, "a normal distribution around \(y) of deviation \(deviation)")
    // Wider than this it is even to twelve digits, and differences of Φ would be lost in rounding.
    let widest = 1e6 * (edges[edges.count - 1] - edges[0] + abs(y - edges[0]))
    let z = edges.map { ($0 - y) / (min(deviation, widest) * 2.0.squareRoot()) }
    let masses = zip(z, z.dropFirst()).map(Self.mass), sum = masses.reduce(0, +)
    guard sum > 0 else {
      // So far outside that nothing is left: all is in the bin on that side.
      let nearest = y < edges[0] ? 0 : masses.count - 1
      return bins.map { $0 == nearest ? 1 / Double(shares[nearest]) : 0 }
    }
    return bins.map { masses[$0] / (sum * Double(shares[$0])) }
  }

  /// Twice Φ(√2·b) − Φ(√2·a), precise also far from 0.
  private static func mass(_ a: Double, _ b: Double) -> Double {
    if a > 0 { return erfc(a) - erfc(b) }
    return b < 0 ? erfc(-b) - erfc(-a) : erf(b) - erf(a)
  }
}

/// How the bins of one metric are taught.
public struct HistogramRule: Sendable, Hashable {
  /// Probabilities of the bins.
  public var target: HistogramTarget
  /// Value of each candidate.
  public var values: [Double]
  /// σ, and around what: a width around the value that the answer's bin stands for, a field's width, or the numbers of a
  /// field, which may lie between bins.
  public var scale: ValueScale
  /// Treatment of the cross entropy at a bin's token.
  public var crossEntropy: ValueRule.CrossEntropy

  /// - Returns: nil for scales that are of numbers written with several tokens.
  public init?(values: [Double], scale: ValueScale, crossEntropy: ValueRule.CrossEntropy) {
    switch scale {
    case .width, .field, .raters: break
    case .temperature, .relative, .box: return nil
    }
    (target, self.values) = (HistogramTarget(values: values), values)
    (self.scale, self.crossEntropy) = (scale, crossEntropy)
  }

  /// The target at a bin of an example.
  ///
  /// - Parameter ordinal: which of the metric's bins it is, from 0, for a field with a width for each.
  /// - Throws: `ValueTargetError` for a record without the field.
  func given(_ candidate: Int, _ ordinal: Int, in example: EncodedExample) throws(ValueTargetError) -> GivenTarget {
    var centres = [values[candidate]], deviation: Double
    switch scale {
    case .field(let name): deviation = try example.width(of: ordinal, in: name)
    case .raters(let name, let width): (centres, deviation) = (try example.ratings(in: name), width)
    case .width(let width), .temperature(let width), .relative(let width), .box(let width): deviation = width
    }
    let parts = centres.map { target.probabilities(around: $0, deviation: deviation) }
    return GivenTarget(
      probabilities: values.indices.map { index in parts.reduce(0) { $0 + $1[index] } / Double(parts.count) },
      replacesLabel: crossEntropy == .replaced)
  }
}
