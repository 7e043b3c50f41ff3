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
      target.scale = .width(try example.width(of: ordinal, in: name))
    case .box(let share):
      let first = ordinal - ordinal % 4 + ordinal % 2
      let size = numbers.indices.contains(first + 2) ? abs(numbers[first + 2] - numbers[first]) : 0
      target.scale = .width(max(share * size, step))
    case .raters(let name, let width):
      target.scale = .width(width)
      var parts = [any ValueMass]()
      for rating in try example.ratings(in: name) { parts.append(try target.mass(around: rating)) }
      return MixedMass(parts, over: target.format.indices)
    }
    return try target.mass(around: x)
  }
}

extension EncodedExample {
  /// The width that a field of the record holds for one of a metric's numbers, or for all of them.
  func width(of ordinal: Int, in field: String) throws(ValueTargetError) -> Double {
    let widths = measures[field] ?? []
    let width = widths.count == 1 ? widths[0] : widths.indices.contains(ordinal) ? widths[ordinal] : 0
    guard width > 0, width.isFinite else { throw missing(field, widths) }
    return width
  }

  /// What raters said, in a field of the record.
  func ratings(in field: String) throws(ValueTargetError) -> [Double] {
    guard let ratings = measures[field], !ratings.isEmpty else { throw missing(field, []) }
    return ratings
  }

  private func missing(_ field: String, _ found: [Double]) -> ValueTargetError {
    let words = found.isEmpty ? "none" : found.prefix(8).map { "\($0)" }.joined(separator: ", ")
    return .field(field, found: words, source: source)
  }
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
