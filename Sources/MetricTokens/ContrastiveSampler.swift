// SPDX-License-Identifier: Apache-2.0
/// How the contrastive examples of one metric's numbers are drawn.
public struct ContrastiveRule: Sendable, Hashable {
  /// The metric's candidates: digits, or tokens that are whole values.
  public var space: TokenSpace
  /// Largest |x − x̄| allowed: in units of the last place for digits, in the space's own units for whole values.
  public var radius: Int
  /// Where x̄ may lie. Digits know no sign, so for them it bounds the magnitude. Nil: all that the digits can write.
  public var range: ClosedRange<Double>?

  /// Memberwise.
  public init(space: TokenSpace, radius: Int = 1, range: ClosedRange<Double>? = nil) {
    precondition(radius >= 1, "radius \(radius), the nearest contrastive example is 1 away")
    self.space = space
    self.radius = radius
    self.range = range
  }
}

/// Draws contrastive examples x̄ for contrastive target augmentation (A.2; docs/paper-map.md Q12, Q14).
///
/// Each number of an example gets one contrastive example, uniform over 0 < |x − x̄| ≤ r, written with as many digits
/// as x, so that both are read token for token: 39 for 40, 09 for 10. The difference of each token is the digit of |x −
/// x̄| at its place: for 40 and 39 it is 0 at the tens (though 3 and 4 differ) and 1 at the units.
public struct ContrastiveSampler: Sendable, Hashable {
  /// A rule per metric, by index; nil for one without contrast.
  public var rules: [ContrastiveRule?]
  /// Seed of the run.
  public var seed: UInt64

  /// Memberwise.
  public init(_ rules: [ContrastiveRule?], seed: UInt64) {
    self.rules = rules
    self.seed = seed
  }

  /// The contrastive example of an example; nil if none of its numbers has one.
  ///
  /// The draw depends on seed, epoch, `index` and the number's ordinal alone. Only supervised numbers are replaced.
  /// Numbers cut into runs of several digits have no contrastive example, since x̄ may be cut differently: split them
  /// into digits (``DigitSplitter``).
  ///
  /// - Parameters:
  ///   - epoch: pass over the data, so that an example meets different contrastive examples.
  ///   - index: the example's index in the data set.
  public func contrastiveExample(of example: EncodedExample, epoch: Int, index: Int) -> ContrastiveExample? {
    var result = ContrastiveExample(ids: example.ids, differences: example.metrics.map { _ in nil })
    let numbers = Dictionary(grouping: example.metrics.indices) { example.metrics[$0].number }
    for (ordinal, entries) in numbers {
      let positions = entries.map { example.metrics[$0] }
      guard let metric = positions.first?.metric, rules.indices.contains(metric), let rule = rules[metric],
        positions.allSatisfy({ $0.metric == metric && example.supervised[$0.position] })
      else { continue }
      var generator = CounterGenerator(
        seed, UInt64(bitPattern: Int64(epoch)), UInt64(bitPattern: Int64(index)), UInt64(bitPattern: Int64(ordinal)))
      guard let drawn = rule.draw(positions, using: &generator) else { continue }
      for (entry, token) in zip(entries, drawn) {
        result.ids[example.metrics[entry].position] = rule.space.ids[token.candidate]
        result.differences[entry] = token.difference
      }
    }
    return result.differences.contains { $0 != nil } ? result : nil
  }
}

extension ContrastiveRule {
  /// Candidates of x̄ and its difference from x, one per position; nil if there is no contrastive example.
  func draw(
    _ positions: [MetricPosition], using generator: inout CounterGenerator
  ) -> [(candidate: Int, difference: Double)]? {
    switch space.unit {
    case .digit: drawDigits(positions, using: &generator)
    case .number, .token: positions.count == 1 ? drawWhole(positions[0], using: &generator).map { [$0] } : nil
    case .digitRun, .character, .piece: nil
    }
  }

  private func drawDigits(
    _ positions: [MetricPosition], using generator: inout CounterGenerator
  ) -> [(candidate: Int, difference: Double)]? {
    let exponents = positions.map(\.place.exponent)
    let isUnbroken = zip(exponents, exponents.dropFirst()).allSatisfy { $0 == $1 + 1 }
    guard isUnbroken, let last = exponents.last, positions.count <= 18, let values = space.values else { return nil }
    let x = positions.reduce(0) { $0 * 10 + Int(values[$1.candidate]) }
    let limit = positions.reduce(1) { limit, _ in limit * 10 }
    let valid = bounds(exponent: last)
    let low = max(x - radius, valid.low), high = min(x.addingClamped(radius), limit - 1, valid.high)
    guard low <= high else { return nil }
    let holdsX = (low...high).contains(x)
    guard high - low + (holdsX ? 0 : 1) > 0 else { return nil }
    var contrast = low + generator.next(below: high - low + (holdsX ? 0 : 1))
    if holdsX, contrast >= x { contrast += 1 }
    var difference = abs(x - contrast)
    var drawn = [(candidate: Int, difference: Double)]()
    for _ in positions {
      guard let candidate = space.candidate(valued: Double(contrast % 10)) else { return nil }
      drawn.append((candidate, Double(difference % 10)))
      (contrast, difference) = (contrast / 10, difference / 10)
    }
    return drawn.reversed()
  }

  /// The range in units of the last place, with room for the rounding of 0.3 / 0.1.
  private func bounds(exponent: Int) -> (low: Int, high: Int) {
    guard let range else { return (0, .max) }
    var unit = 1.0
    for _ in 0..<Swift.abs(exponent) { unit *= 10 }
    let low = exponent < 0 ? range.lowerBound * unit : range.lowerBound / unit
    let high = exponent < 0 ? range.upperBound * unit : range.upperBound / unit
    // −1 and 1e18 are beyond every number of 18 digits.
    return (
      Int(min(max((low - 1e-6).rounded(.up), 0), 1e18)), Int(min(max((high + 1e-6).rounded(.down), -1), 1e18))
    )
  }

  private func drawWhole(
    _ position: MetricPosition, using generator: inout CounterGenerator
  ) -> (candidate: Int, difference: Double)? {
    guard let values = space.values else { return nil }
    let x = values[position.candidate]
    let near = values.indices.filter { candidate in
      let difference = abs(values[candidate] - x)
      return difference > 0 && difference <= Double(radius) && range?.contains(values[candidate]) ?? true
        && space.base?[candidate] != 0
    }
    guard !near.isEmpty else { return nil }
    let candidate = near[generator.next(below: near.count)]
    return (candidate, abs(values[candidate] - x))
  }
}

extension Int {
  fileprivate func addingClamped(_ other: Int) -> Int {
    let (sum, overflows) = addingReportingOverflow(other)
    return overflows ? .max : sum
  }
}
