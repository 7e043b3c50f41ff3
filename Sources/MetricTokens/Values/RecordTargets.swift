// SPDX-License-Identifier: Apache-2.0
/// Targets whose width the record says.
extension ValueRule {
  /// The target around one number of an example.
  ///
  /// - Parameters:
  ///   - x: the number.
  ///   - ordinal: which of the metric's numbers it is, from 0.
  ///   - numbers: all of them.
  /// - Throws: `ValueTargetError`.
  func mass(
    around x: Double, _ ordinal: Int, of numbers: [Double], in example: EncodedExample
  ) throws(ValueTargetError) -> any ValueMass {
    var target = target
    let step = target.format.spacing
    switch target.scale {
    case .temperature, .width, .relative: break
    case .field(let name):
      let widths = example.measures[name] ?? []
      let width = widths.count == 1 ? widths[0] : widths.indices.contains(ordinal) ? widths[ordinal] : 0
      guard width > 0, width.isFinite else { throw .field(name, found: found(widths), source: example.source) }
      target.scale = .width(width)
    case .box(let share):
      let first = ordinal - ordinal % 4 + ordinal % 2
      let size = numbers.indices.contains(first + 2) ? abs(numbers[first + 2] - numbers[first]) : 0
      target.scale = .width(max(share * size, step))
    case .raters(let name, let width):
      target.scale = .width(width)
      guard let ratings = example.measures[name], !ratings.isEmpty else {
        throw .field(name, found: found([]), source: example.source)
      }
      var parts = [any ValueMass]()
      for rating in ratings { parts.append(try target.mass(around: rating)) }
      return MixedMass(parts, over: target.format.indices)
    }
    return try target.mass(around: x)
  }
}

/// Numbers of a record's field, in words.
private func found(_ numbers: [Double]) -> String {
  numbers.isEmpty ? "none" : numbers.prefix(8).map { "\($0)" }.joined(separator: ", ")
}

/// The mean of several distributions.
struct MixedMass: ValueMass {
  private let parts: [(mass: any ValueMass, weight: Double)]

  /// - Parameter indices: over which each part sums to one.
  init(_ parts: [any ValueMass], over indices: ClosedRange<Int>) {
    self.parts = parts.map { part in
      let sum = part.mass(of: indices)
      return (part, sum > 0 ? 1 / (sum * Double(parts.count)) : 0)
    }
  }

  func mass(of stretch: ClosedRange<Int>) -> Double { parts.reduce(0) { $0 + $1.weight * $1.mass.mass(of: stretch) } }

  func window(leavingOut share: Double) -> ClosedRange<Int> {
    let all = parts.map { $0.mass.window(leavingOut: share) }
    return (all.map(\.lowerBound).min() ?? 0)...(all.map(\.upperBound).max() ?? 0)
  }
}
