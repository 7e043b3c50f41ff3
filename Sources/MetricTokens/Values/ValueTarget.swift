// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A target over whole values, p(v) ∝ exp(−d(v, x)/τ) for every value v of a format (equation 4 with numbers as the
/// candidates).
public struct ValueTarget: Sendable, Hashable {
  /// The values.
  public var format: ValueFormat { didSet { kernel = nil } }
  /// d
  public var distance: NumberDistance { didSet { kernel = nil } }
  /// How wide targets are.
  public var scale: ValueScale { didSet { kernel = nil } }
  /// Nil where weights are computed one by one.
  private var kernel: ValueKernel?

  /// Largest number of values that are summed up one by one, for distances without a closed sum.
  public static let largestWindow = 1 << 20

  /// Memberwise.
  public init(_ format: ValueFormat, distance: NumberDistance, scale: ValueScale) {
    self.format = format
    self.distance = distance
    self.scale = scale
    kernel = ValueKernel(self, beyond: Self.beyond)
  }

  /// τ around a value.
  public func temperature(around x: Double) -> Double {
    scale.temperature(distance, around: x, step: format.spacing)
  }

  /// The target around x, as sums over stretches. Time and memory do not depend on the number of values for squared and
  /// absolute distances; for others they are those of the values that hold all but 1e-14 of the mass.
  ///
  /// x need not be a value of the format, nor lie in its range: the target is what p ∝ exp(−d/τ) leaves of it there, so
  /// that around a rating far above the greatest value nearly all of it is on that one. Of a squared distance with a σ of
  /// more than 10,000 steps, more than 30 σ outside are taken for 30.
  ///
  /// - Throws: `ValueTargetError` if more than ``largestWindow`` values would have to be summed up one by one.
  public func mass(around x: Double) throws(ValueTargetError) -> any ValueMass {
    let tau = temperature(around: x)
    let nearest = min(max(x, format.range.lowerBound), format.range.upperBound)
    switch distance {
    case .squared where format.place(of: (tau / 2).squareRoot()) >= NormalMass.leastSigma:
      let sigma = (tau / 2).squareRoot(), outside = abs(x - nearest) / sigma
      if outside > NormalMass.far, let few = try? summed(around: x, tau, most: 1 << 14) { return few }
      let centre = nearest + max(-30 * sigma, min(30 * sigma, x - nearest))
      return NormalMass(centre: format.place(of: centre), sigma: format.place(of: sigma), outside: min(30, outside))
    case .absolute where format.place(of: tau) >= 1:
      // Beyond the range all distances grow alike.
      return LaplaceMass(centre: format.place(of: nearest), width: format.place(of: tau))
    case .absolute: return try summed(around: nearest, tau, most: Self.largestWindow)
    default: return try summed(around: x, tau, most: Self.largestWindow)
    }
  }

  private func summed(around x: Double, _ tau: Double, most: Int) throws(ValueTargetError) -> any ValueMass {
    if let kernel, let centre = format.index(nearest: x), format.indices.contains(centre), format.value(centre) == x {
      return kernel.mass(around: centre, within: format.indices)
    }
    let nearest = nearestIndex(to: x), least = format.value(nearest)
    func energy(_ index: Int) -> Double {
      // 0/0 is 0: τ = 0 leaves the nearest values alone.
      let excess = distance.excess(of: format.value(index), over: least, around: x)
      return excess <= 0 ? 0 : excess / tau
    }
    let window = try window(around: nearest, most: most, energy)
    return SummedMass(first: window.lowerBound, weights: window.map { exp(-energy($0)) })
  }

  /// The index with the least distance from x.
  private func nearestIndex(to x: Double) -> Int {
    let range = format.range, all = format.indices
    var candidates = [min(max(x, range.lowerBound), range.upperBound)]
    switch distance {
    case .circular(let period):
      let turned = (x - range.lowerBound).truncatingRemainder(dividingBy: period)
      let first = range.lowerBound + (turned < 0 ? turned + period : turned)
      candidates = [range.lowerBound, range.upperBound, min(first, range.upperBound)]
    case .relative where x > 0: candidates.append(format.value(1))
    case .relative, .squared, .absolute: break
    case .other:
      // Too many are refused when they are summed up.
      return all.prefix(Self.largestWindow + 1).min { distance(format.value($0), x) < distance(format.value($1), x) }
        ?? all.lowerBound
    }
    // Rounded to steps, the nearest by value need not be the nearest by distance.
    let indices = candidates.compactMap { format.index(nearest: $0) }.flatMap { [$0, $0 - 1, $0 + 1] }
    return indices.filter(all.contains).min { distance(format.value($0), x) < distance(format.value($1), x) }
      ?? all.lowerBound
  }

  /// The stretch around the nearest value beyond which nothing counts. A circle has no beyond; of a distance of
  /// which nothing is known, all values are taken.
  private func window(
    around nearest: Int, most: Int, _ energy: (Int) -> Double
  ) throws(ValueTargetError) -> ClosedRange<Int> {
    let all = format.indices
    if !distance.growsOutwards {
      guard all.count <= most else { throw ValueTargetError.values(all.count) }
      return all
    }
    // Mass falls on both sides: the first index beyond is found by doubling steps and halving them again.
    func reach(_ limit: Int, _ sign: Int) -> Int {
      var inside = 0, step = 1
      let most = abs(limit - nearest)
      while inside < most, step > 0 {
        let next = min(most, inside + step)
        if energy(nearest + sign * next) < Self.beyond {
          inside = next
          step *= 2
        } else if step == 1 {
          return inside
        } else {
          step /= 2
        }
      }
      return inside
    }
    let low = nearest - reach(all.lowerBound, -1), high = nearest + reach(all.upperBound, 1)
    guard high - low < most else { throw ValueTargetError.values(high - low + 1) }
    return low...high
  }

  /// −ln of a weight, as a share of the greatest, that no longer counts.
  private static let beyond = 40.0
}

/// Why a target cannot be computed.
public enum ValueTargetError: Error, Sendable, Hashable, CustomStringConvertible {
  /// So many values with mass.
  case values(Int)
  /// A record lacks the field that says how wide its target is, or has too few numbers there, or one that is no width.
  case field(String, found: String, source: String)

  /// What is wrong, and what to do.
  public var description: String {
    switch self {
    case .values(let count):
      "target over values: expected at most \(ValueTarget.largestWindow) values with probability, found \(count). "
        + "Choose a smaller scale, fewer decimals, or the squared or absolute distance."
    case .field(let name, let found, let source):
      "\(source): key \(name): expected a number above 0, or one for each number of the answer, found \(found). Give it to "
        + "every record, or leave the scale out: it is then the same for all."
    }
  }
}
