import Foundation

/// A target over whole values, p(v) ∝ exp(−d(v, x)/τ) for every value v of a format (equation 4 with numbers as the
/// candidates).
public struct ValueTarget: Sendable, Hashable {
  /// The values.
  public var format: ValueFormat
  /// d
  public var distance: NumberDistance
  /// How wide targets are.
  public var scale: ValueScale

  /// Largest number of values that are summed up one by one, for distances without a closed sum.
  public static let largestWindow = 1 << 20

  /// Memberwise.
  public init(_ format: ValueFormat, distance: NumberDistance, scale: ValueScale) {
    self.format = format
    self.distance = distance
    self.scale = scale
  }

  /// τ around a value.
  public func temperature(around x: Double) -> Double {
    scale.temperature(distance, around: x, step: 1 / Double(powerOfTen(format.decimals)))
  }

  /// The target around x, as sums over stretches. Time and memory do not depend on the number of values for squared and
  /// absolute distances; for others they are those of the values that hold all but 1e-14 of the mass.
  ///
  /// x need not be a value of the format, but then it should be near one.
  ///
  /// - Throws: `ValueTargetError` if more than ``largestWindow`` values would have to be summed up one by one.
  public func mass(around x: Double) throws(ValueTargetError) -> any ValueMass {
    let unit = Double(powerOfTen(format.decimals)), tau = temperature(around: x)
    switch distance {
    case .squared where (tau / 2).squareRoot() * unit >= NormalMass.leastSigma:
      return NormalMass(centre: x * unit, sigma: (tau / 2).squareRoot() * unit)
    case .absolute where tau * unit >= 1:
      return LaplaceMass(centre: x * unit, width: tau * unit)
    default: return try summed(around: x, tau)
    }
  }

  private func summed(around x: Double, _ tau: Double) throws(ValueTargetError) -> any ValueMass {
    let nearest = format.indices.clampedIndex(format.index(nearest: x) ?? 0)
    let least = distance(format.value(nearest), x)
    func energy(_ index: Int) -> Double { excess(distance(format.value(index), x) - least, tau) }
    let window = try window(around: nearest, energy)
    return SummedMass(first: window.lowerBound, weights: window.map { exp(-energy($0)) })
  }

  /// The stretch around the nearest value beyond which nothing counts. A circle has no beyond.
  private func window(
    around nearest: Int, _ energy: (Int) -> Double
  ) throws(ValueTargetError) -> ClosedRange<Int> {
    let all = format.indices
    if case .circular = distance {
      guard all.count <= Self.largestWindow else { throw ValueTargetError.values(all.count) }
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
    guard high - low < Self.largestWindow else { throw ValueTargetError.values(high - low + 1) }
    return low...high
  }

  /// −ln of a weight, as a share of the greatest, that no longer counts.
  private static let beyond = 40.0

  /// d/τ in excess of the nearest value's, where 0/0 is 0: τ = 0 leaves the nearest values alone.
  private func excess(_ difference: Double, _ tau: Double) -> Double { difference <= 0 ? 0 : difference / tau }
}

/// Why a target cannot be computed.
public enum ValueTargetError: Error, Sendable, Hashable, CustomStringConvertible {
  /// So many values with mass.
  case values(Int)
  /// A record lacks the field that says how wide its target is, or has too few numbers there, or one that is no width.
  case field(String, source: String)

  /// What is wrong, and what to do.
  public var description: String {
    switch self {
    case .values(let count):
      "target over values: expected at most \(ValueTarget.largestWindow) values with probability, found \(count). "
        + "Choose a smaller scale, fewer decimals, or the squared or absolute distance."
    case .field(let name, let source):
      "\(source): expected in field \(name) a number above 0, or one for each number of the answer, found fewer."
    }
  }
}

extension ClosedRange<Int> {
  fileprivate func clampedIndex(_ index: Int) -> Int { Swift.min(Swift.max(index, lowerBound), upperBound) }
}
