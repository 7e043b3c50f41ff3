// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Unnormalised probabilities of the indices of a format, summed over stretches.
///
/// Sums are precise relative to their own size, also far from the centre: conditionals are quotients of them.
public protocol ValueMass: Sendable {
  /// Σ over a stretch, 0 or more.
  func mass(of stretch: ClosedRange<Int>) -> Double
  /// Indices beyond which at most this share, above 0, of the format's mass lies.
  func window(leavingOut share: Double) -> ClosedRange<Int>
}

extension ValueMass {
  /// Σ over several stretches.
  public func mass(of stretches: [ClosedRange<Int>]) -> Double { stretches.reduce(0) { $0 + mass(of: $1) } }

  /// The index at which the share `uniform`, of [0, 1), of a stretch's mass is reached.
  public func quantile(_ uniform: Double, of stretch: ClosedRange<Int>) -> Int {
    let goal = uniform * mass(of: stretch)
    var (low, high) = (stretch.lowerBound, stretch.upperBound)
    while low < high {
      let middle = low + (high - low) / 2
      if mass(of: stretch.lowerBound...middle) > goal { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

/// Any probabilities, summed up once over the indices that have some: exact, for narrow targets and for distances
/// without a closed sum.
struct SummedMass: ValueMass {
  /// Weights of the indices from `first` on, nothing beyond them.
  private let first: Int
  private let weights: [Double]
  /// Sums from the left up to each index, and from the right: each is precise where it is small.
  private let fromLeft, fromRight: [Double]
  private let peak: Int

  init(first: Int, weights: [Double]) {
    self.first = first
    self.weights = weights
    fromLeft = Self.sums(of: weights)
    fromRight = Self.sums(of: weights.reversed())
    peak = weights.indices.max { weights[$0] < weights[$1] } ?? 0
  }

  /// Sums of the first 0, 1, 2, … numbers.
  private static func sums(of numbers: some Collection<Double>) -> [Double] {
    Array(unsafeUninitializedCapacity: numbers.count + 1) { sums, count in
      var sum = 0.0
      sums.initializeElement(at: 0, to: 0)
      for (index, number) in numbers.enumerated() {
        sum += number
        sums.initializeElement(at: index + 1, to: sum)
      }
      count = numbers.count + 1
    }
  }

  func mass(of stretch: ClosedRange<Int>) -> Double {
    let low = max(0, stretch.lowerBound - first), high = min(weights.count - 1, stretch.upperBound - first)
    guard low <= high else { return 0 }
    if high - low < 32 { return weights[low...high].reduce(0, +) }
    if high <= peak { return fromLeft[high + 1] - fromLeft[low] }
    if low > peak { return fromRight[weights.count - low] - fromRight[weights.count - 1 - high] }
    return fromLeft[peak + 1] - fromLeft[low] + fromRight[weights.count - 1 - peak]
      - fromRight[weights.count - 1 - high]
  }

  func window(leavingOut share: Double) -> ClosedRange<Int> { first...first + weights.count - 1 }
}

extension ClosedRange<Int> {
  /// The indices within a distance of a centre, as far as numbers of 15 digits go.
  fileprivate init(around centre: Double, _ distance: Double) {
    let limit = Double(powerOfTen(ValueFormat.largestDigits))
    func bounded(_ place: Double) -> Int { Int(Swift.max(-limit, Swift.min(limit, place))) }
    self = bounded(centre - distance)...bounded(centre + distance)
  }
}

/// −ln of a share, with room for a total that is less than that of all indices.
private func nats(_ share: Double) -> Double { 2 - log(max(share, .leastNormalMagnitude)) }

/// exp(−(i − centre)² / 2σ²) of a σ of many indices: the integral, and what the sum differs from it by Euler and
/// Maclaurin's midpoint formula. From σ = 100 on the terms left out are below 1e-15 of the sum.
struct NormalMass: ValueMass {
  static let leastSigma = 100.0
  let centre: Double
  let sigma: Double
  /// How far the format's nearest value is from the centre, in σ: 0 for a centre within its range.
  let outside: Double

  /// As far outside steps from one index to the next are still small, and nothing underflows.
  static let far = 4.0

  func window(leavingOut share: Double) -> ClosedRange<Int> {
    ClosedRange(around: centre, sigma * (outside * outside + 2 * nats(share)).squareRoot() + 1)
  }

  func mass(of stretch: ClosedRange<Int>) -> Double {
    let a = (Double(stretch.lowerBound) - 0.5 - centre) / sigma, b = (Double(stretch.upperBound) + 0.5 - centre) / sigma
    // Few indices: the integral would be a difference of nearly equal numbers.
    if stretch.upperBound - stretch.lowerBound < 32 {
      return stretch.reduce(0) { sum, index in
        let z = (Double(index) - centre) / sigma
        return sum + exp(-z * z / 2)
      }
    }
    let root = (Double.pi / 2).squareRoot()
    // By the complement on the side where it is small.
    let integral =
      a > 0
      ? erfc(a / 2.squareRoot()) - erfc(b / 2.squareRoot())
      : b < 0
        ? erfc(-b / 2.squareRoot()) - erfc(-a / 2.squareRoot()) : erf(b / 2.squareRoot()) - erf(a / 2.squareRoot())
    let first = slope(b) - slope(a), third = thirdDerivative(b) - thirdDerivative(a)
    return max(0, sigma * root * integral - first / (24 * sigma) + 7 * third / (5760 * sigma * sigma * sigma))
  }

  private func slope(_ z: Double) -> Double { -z * exp(-z * z / 2) }
  private func thirdDerivative(_ z: Double) -> Double { (3 * z - z * z * z) * exp(-z * z / 2) }
}

/// exp(−|i − centre| / width), the centre within the format's range: geometric series.
struct LaplaceMass: ValueMass {
  let centre: Double
  let width: Double

  func window(leavingOut share: Double) -> ClosedRange<Int> { ClosedRange(around: centre, width * nats(share) + 1) }

  func mass(of stretch: ClosedRange<Int>) -> Double {
    // The indices at and left of the centre, and those right of it.
    let middle = centre.rounded(.down)
    var sum = 0.0
    if Double(stretch.lowerBound) <= middle {
      let end = min(Double(stretch.upperBound), middle)
      sum += series(from: centre - end, count: end - Double(stretch.lowerBound) + 1)
    }
    if Double(stretch.upperBound) > middle {
      let start = max(Double(stretch.lowerBound), middle + 1)
      sum += series(from: start - centre, count: Double(stretch.upperBound) - start + 1)
    }
    return sum
  }

  /// Σ exp(−(distance + k) / width) over k = 0 ..< count.
  private func series(from distance: Double, count: Double) -> Double {
    exp(-distance / width) * expm1(-count / width) / expm1(-1 / width)
  }
}
