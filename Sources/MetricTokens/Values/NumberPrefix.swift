// SPDX-License-Identifier: Apache-2.0
/// The beginning of a number as a format writes it, and which values begin so.
///
/// The values with a common beginning are few stretches of the grid: one for each number of digits that may follow. So
/// the probability of the next character is a quotient of sums over stretches, whatever the number of values.
public struct NumberPrefix: Sendable, Hashable {
  /// Possible continuations of a number.
  public enum Symbol: Sendable, Hashable {
    case digit(Int)
    case point
    case minus
  }

  /// The format.
  public let format: ValueFormat
  private var isNegative = false
  private var integer = 0
  private var integerCount = 0
  private var firstIsZero = false
  private var fraction = 0
  private var fractionCount: Int?

  /// Nothing yet.
  public init(_ format: ValueFormat) { self.format = format }

  /// The values that begin with this, as stretches of indices, none empty, none overlapping.
  public var indices: [ClosedRange<Int>] {
    if integerCount == 0 {
      if !isNegative { return [format.indices] }
      return clamped([1...(-min(-1, format.indices.lowerBound * format.step))])
    }
    if fractionCount != nil { return clamped([fractionStretch].compactMap { $0 }) }
    return clamped(integerStretches)
  }

  /// The value that this writes whole; nil if it is none.
  public var index: Int? {
    guard integerCount >= format.integerDigits, !hasNeedlessZero else { return nil }
    let scale = powerOfTen(format.decimals)
    let magnitude: Int
    if let fractionCount {
      guard format.isTrimmed ? fractionCount > 0 && fraction % 10 > 0 : fractionCount == format.decimals else {
        return nil
      }
      magnitude = integer * scale + fraction * powerOfTen(format.decimals - fractionCount)
    } else {
      guard format.decimals == 0 || format.isTrimmed else { return nil }
      magnitude = integer * scale
    }
    guard !isNegative || magnitude > 0 else { return nil }
    let (index, rest) = (isNegative ? -magnitude : magnitude).quotientAndRemainder(dividingBy: format.step)
    return rest == 0 && format.indices.contains(index) ? index : nil
  }

  /// This and one symbol more; nil where no number of the format can be written so.
  public func appending(_ symbol: Symbol) -> NumberPrefix? {
    var longer = self
    switch symbol {
    case .minus:
      guard integerCount == 0, !isNegative else { return nil }
      longer.isNegative = true
    case .point:
      guard integerCount >= format.integerDigits, fractionCount == nil, format.decimals > 0, !hasNeedlessZero else {
        return nil
      }
      longer.fractionCount = 0
    case .digit(let digit):
      if let count = fractionCount {
        guard count < format.decimals else { return nil }
        longer.fraction = fraction * 10 + digit
        longer.fractionCount = count + 1
      } else {
        guard integerCount + format.decimals < ValueFormat.largestDigits else { return nil }
        if integerCount == 0 { longer.firstIsZero = digit == 0 }
        longer.integer = integer * 10 + digit
        longer.integerCount = integerCount + 1
      }
    }
    return longer.indices.isEmpty ? nil : longer
  }

  /// A zero in front is written only to fill up to the format's width.
  private var hasNeedlessZero: Bool { firstIsZero && integerCount > format.integerDigits }

  /// Magnitudes that begin with the integer digits so far, by how many digits there will be.
  private var integerStretches: [ClosedRange<Int>] {
    let scale = powerOfTen(format.decimals)
    let longest = firstIsZero ? format.integerDigits : ValueFormat.largestDigits - format.decimals
    let shortest = max(integerCount, format.integerDigits)
    guard shortest <= longest else { return [] }
    let limit = max(format.indices.lowerBound.magnitude, format.indices.upperBound.magnitude) * format.step.magnitude
    var stretches = [ClosedRange<Int>]()
    for length in shortest...longest {
      let shift = powerOfTen(length - integerCount)
      let low = integer * shift * scale
      if low.magnitude > limit { break }
      stretches.append(low...(((integer + 1) * shift) * scale - 1))
    }
    return stretches
  }

  private var fractionStretch: ClosedRange<Int>? {
    guard let count = fractionCount else { return nil }
    let scale = powerOfTen(format.decimals), shift = powerOfTen(format.decimals - count)
    // Trimmed fractions are not all zeros from here on, unless the last digit written is none.
    let isOpen = format.isTrimmed && (count == 0 || fraction % 10 == 0)
    let low = integer * scale + fraction * shift + (isOpen ? 1 : 0)
    let high = integer * scale + (fraction + 1) * shift - 1
    return low <= high ? low...high : nil
  }

  /// Stretches of magnitudes, in units of `10^−decimals`, as stretches of indices within the format.
  private func clamped(_ magnitudes: [ClosedRange<Int>]) -> [ClosedRange<Int>] {
    magnitudes.compactMap { stretch in
      var (low, high) = (stretch.lowerBound, stretch.upperBound)
      if isNegative { (low, high) = (-high, -max(low, 1)) }
      low = max(-(-low).floored(by: format.step), format.indices.lowerBound)
      high = min(high.floored(by: format.step), format.indices.upperBound)
      return low <= high ? low...high : nil
    }
  }
}

extension Int {
  /// The quotient, rounded down.
  fileprivate func floored(by divisor: Int) -> Int {
    let (quotient, rest) = quotientAndRemainder(dividingBy: divisor)
    return rest < 0 ? quotient - 1 : quotient
  }
}
