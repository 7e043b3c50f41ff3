// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The format that training answers are written in, and what does not fit it.
public struct LearntFormat: Sendable, Hashable {
  /// The format of most numbers.
  public var format: ValueFormat
  /// How many numbers were seen.
  public var count: Int
  /// Numbers written otherwise, such as `7` among `007`: the first few, as written.
  public var others: [String]
  /// How many those are in all.
  public var otherCount: Int
  /// Standard deviation of the numbers, and of the logarithms of those above 0.
  public var deviation: Double, logDeviation: Double

  /// A number that alone makes the range many times as wide, if there is one.
  public var outlier: Outlier?

  /// A number far from all others.
  public struct Outlier: Sendable, Hashable {
    /// As it is written.
    public var text: String
    /// Its line in the file, from 1.
    public var line: Int
    /// Least and greatest of the others.
    public var others: ClosedRange<Double>

    /// Memberwise.
    public init(text: String, line: Int, others: ClosedRange<Double>) {
      (self.text, self.line, self.others) = (text, line, others)
    }
  }

  /// Share of the answers' standard deviation that targets are wide, where nothing else is said: a fifth from 200 numbers
  /// on, more of fewer, two fifths of 50 and less (docs/experiments/study.md).
  public var widthShare: Double { 0.2 * min(2, max(1, (200 / Double(count)).squareRoot())) }

  /// A width for targets where nothing else is said: ``widthShare`` of the numbers' spread, in the distance's terms; at
  /// least one step of the format, or a hundredth for relative distances.
  public func width(_ distance: NumberDistance) -> Double {
    let step = format.spacing
    return switch distance {
    case .squared: rounded(max(widthShare * deviation, step))
    case .relative: rounded(max(widthShare * logDeviation, 0.01))
    // A mean deviation is 1/√2 of a standard deviation.
    case .absolute, .other: rounded(max(widthShare * deviation / 2.squareRoot(), step))
    // No spread on a circle exceeds that of all its values alike.
    case .circular(let period):
      rounded(max(widthShare * min(deviation, period / 12.squareRoot()) / 2.squareRoot(), step))
    }
  }

  /// Three digits are more than is known.
  private func rounded(_ value: Double) -> Double {
    let unit = pow(10, floor(log10(value)) - 2)
    return (value / unit).rounded() * unit
  }
}

extension ValueFormat {
  /// Learns the format from the numbers of training answers.
  ///
  /// - Integer digits: padded, if every number has as many before the point and one begins with a zero that it would not
  ///   need.
  /// - Decimals: as many as the longest has; trailing zeros count as left out unless all have the same number.
  /// - Step: of the coarsest grid that a hundred numbers and more lie on: 1, 2, 5 or 25, times a power of ten.
  /// - Range: from the least to the greatest number; see ``widened(by:)``.
  ///
  /// - Throws: `ValueFormatError` if there are none, or they have too many digits.
  public static func learnt(from numbers: some Sequence<ParsedNumber>) throws(ValueFormatError) -> LearntFormat {
    var decimals = Set<Int>(), widths = [Int: Int](), count = 0, isPadded = false
    for number in numbers {
      let fraction = max(0, -number.exponent), width = number.digits.count - fraction
      decimals.insert(fraction)
      widths[width, default: 0] += 1
      if width > 1, number.digits[0] == 0 { isPadded = true }
      count += 1
    }
    guard let most = decimals.max(), count > 0 else { throw ValueFormatError("no number") }
    let integerDigits = isPadded ? widths.keys.min() ?? 1 : 1
    let draft = try ValueFormat(
      indices: 0...0, decimals: most, isTrimmed: decimals.count > 1, integerDigits: max(1, integerDigits))
    var spread = Spread(), logSpread = Spread()
    var low = Int.max, high = Int.min, divisor: UInt = 0, others = [String](), otherCount = 0
    for number in numbers {
      guard let index = draft.index(nearest: number.value) else {
        throw ValueFormatError("\(number.digits.count) digits")
      }
      (low, high) = (min(low, index), max(high, index))
      divisor = greatestCommonDivisor(divisor, index.magnitude)
      spread.add(number.value)
      if number.value > 0 { logSpread.add(log(number.value)) }
      if draft.text(index) != number.plainText {
        otherCount += 1
        if others.count < 5 { others.append(number.plainText) }
      }
    }
    let step = step(of: divisor, count: count)
    let format = try ValueFormat(
      indices: low / step...high / step, decimals: draft.decimals, isTrimmed: draft.isTrimmed,
      integerDigits: draft.integerDigits, step: step)
    return LearntFormat(
      format: format, count: count, others: others, otherCount: otherCount,
      deviation: spread.deviation, logDeviation: logSpread.deviation)
  }

  /// How coarse a grid is that all numbers lie on: 1, 2, 5 or 25, times a power of ten, as people round. A hundred numbers
  /// show one; of fewer, the next may lie between.
  ///
  /// - Parameter divisor: the numbers' greatest common divisor, in units of the last digit.
  private static func step(of divisor: UInt, count: Int) -> Int {
    guard count >= 100, divisor > 0 else { return 1 }
    var rest = divisor, power = 1
    while rest.isMultiple(of: 10) { (rest, power) = (rest / 10, power * 10) }
    return power * ([25, 5, 2].first { rest.isMultiple(of: UInt($0)) } ?? 1)
  }

  /// The same format with room beyond both ends: a share of its width, so that a target around the greatest value of
  /// the training answers is not cut off there, but no sign and no digit more than those answers have.
  public func widened(by share: Double) -> ValueFormat {
    precondition((0...100).contains(share), "room of \(share) widths")
    // A coarse grid has few values, and ends where people say it does: no room of less than a step.
    let room = Int((Double(indices.count) * share).rounded(step > 1 ? .down : .up))  // bounded: 15 digits
    let digits = String(max(indices.lowerBound.magnitude, indices.upperBound.magnitude) * step.magnitude).count
    let most = (powerOfTen(max(digits, integerDigits + decimals)) - 1) / step
    let least = indices.lowerBound < 0 ? -most : 0
    var wider = self
    wider.indices =
      max(least, indices.lowerBound - min(room, most))...min(most, indices.upperBound + min(room, most))
    return wider
  }
}

private func greatestCommonDivisor(_ a: UInt, _ b: UInt) -> UInt { b == 0 ? a : greatestCommonDivisor(b, a % b) }

extension ParsedNumber {
  /// As ``ValueFormat/text(_:)`` would write it: ASCII digits, point and minus, separators left out.
  public var plainText: String {
    let fraction = max(0, -exponent)
    var text = isNegative ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index == digits.count - fraction { text += index == 0 ? "0." : "." }
      text += String(digit)
    }
    return text
  }
}
