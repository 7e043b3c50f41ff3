// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The standard normal distribution.
package enum StandardNormal {
  /// P(Z ≤ z).
  package static func cdf(_ z: Double) -> Double {
    0.5 * erfc(-z / 2.squareRoot())
  }

  /// The z with P(Z ≤ z) = `p`; -∞ and ∞ at 0 and 1.
  package static func quantile(_ p: Double) -> Double {
    // The upper half by symmetry, because 1 - p keeps the digits that a cdf near 1 loses.
    if p > 0.5 { return -quantile(1 - p) }
    guard p > 0 else { return p == 0 ? -.infinity : .nan }
    return -positiveRoot { cdf(-$0) <= p }
  }
}

/// Student's t distribution.
package enum StudentT {
  /// P(|T| ≥ |t|) with `degrees` degrees of freedom: what a two-sided test asks for.
  package static func twoSidedTail(_ t: Double, degrees: Double) -> Double {
    if t.isNaN { return .nan }
    if t.isInfinite { return 0 }
    let sum = degrees + t * t
    return incompleteBeta(degrees / sum, t * t / sum, degrees / 2, 0.5)
  }

  /// The t > 0 with P(|T| ≤ t) = `level`: half the width of a two-sided interval, in standard errors.
  package static func twoSidedQuantile(level: Double, degrees: Double) -> Double {
    positiveRoot { twoSidedTail($0, degrees: degrees) <= 1 - level }
  }
}

/// The least x > 0 where `isReached` holds, which must stay true above it; to the last bit, by bisection.
private func positiveRoot(_ isReached: (Double) -> Bool) -> Double {
  var high = 1.0
  while !isReached(high) && high < 1e300 { high *= 2 }
  var low = 0.0
  while true {
    let middle = low + (high - low) / 2
    if middle <= low || middle >= high { return high }
    if isReached(middle) { high = middle } else { low = middle }
  }
}

/// The regularised incomplete beta function I_x(a, b), by Lentz's continued fraction (DLMF 8.17.22).
///
/// - Parameter y: 1 - x, which near x = 1 the caller knows with more digits.
func incompleteBeta(_ x: Double, _ y: Double, _ a: Double, _ b: Double) -> Double {
  if x <= 0 { return 0 }
  if y <= 0 { return 1 }
  // The fraction converges quickly below the mean; above it the mirrored one does.
  if x > (a + 1) / (a + b + 2) { return 1 - incompleteBeta(y, x, b, a) }
  let logFront = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y)
  let tiny = 1e-300
  var fraction = 1.0
  var c = 1.0
  var d = 0.0
  for index in 0..<1000 {
    let m = Double(index / 2)
    let numerator: Double
    if index == 0 {
      numerator = 1
    } else if index % 2 == 0 {
      numerator = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
    } else {
      numerator = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
    }
    d = 1 + numerator * d
    if abs(d) < tiny { d = tiny }
    d = 1 / d
    c = 1 + numerator / c
    if abs(c) < tiny { c = tiny }
    fraction *= c * d
    if abs(1 - c * d) < 1e-16 { break }
  }
  return exp(logFront) * (fraction - 1) / a
}
