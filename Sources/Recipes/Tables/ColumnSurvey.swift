// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import TokenData

/// What a column holds, counted row by row.
struct ColumnSurvey {
  let name: String
  /// Rows without a value.
  private(set) var missing = 0
  /// Values that are numbers, and that are not.
  private(set) var numbers = 0, texts = 0
  /// The first value that is no number, and where it stands.
  private(set) var oddity: (text: String, place: String)?
  /// Of the numbers.
  private(set) var low = Double.infinity, high = -Double.infinity
  private var spread = Spread()
  /// Fewest and most digits before the point; most behind it.
  private(set) var fewestDigits = Int.max, mostDigits = 0, mostDecimals = 0
  /// Whether numbers have zeros in front, as `007`.
  private(set) var isPadded = false
  /// Different values, as far as they were counted.
  private(set) var distinct: Set<String> = []
  /// Characters of the longest value.
  private(set) var longest = 0

  private static let mostDistinct = 1 << 12
  /// Words that stand for no value, as pandas reads them.
  private static let nothing: Set<String> = [
    "", "na", "n/a", "nan", "null", "none", "?", "-", "#n/a", "<na>",
  ]

  init(_ name: String) { self.name = name }

  /// Whether a cell says that there is no value.
  static func isMissing(_ cell: String) -> Bool { nothing.contains(cell.withoutOuterSpace.lowercased()) }

  /// Counts a row's cell.
  ///
  /// - Returns: its number; nil where it is none.
  @discardableResult mutating func add(_ cell: String, place: @autoclosure () -> String) -> Double? {
    guard !Self.isMissing(cell) else {
      missing += 1
      return nil
    }
    if distinct.count < Self.mostDistinct { distinct.insert(cell) }
    longest = max(longest, cell.unicodeScalars.count)
    // One beyond what a double holds is as good as text.
    guard let number = DecimalNumber(cell), number.value.isFinite else {
      texts += 1
      if oddity == nil { oddity = (cell, place()) }
      return nil
    }
    numbers += 1
    let value = number.value
    (low, high) = (min(low, value), max(high, value))
    spread.add(value)
    (fewestDigits, mostDigits) = (min(fewestDigits, number.whole.count), max(mostDigits, number.whole.count))
    mostDecimals = max(mostDecimals, number.fraction.count)
    let digits = cell.withoutOuterSpace.drop { $0 == "-" || $0 == "+" }
    isPadded = isPadded || digits.first == "0" && digits.dropFirst().first?.isNumber ?? false
    return value
  }

  /// Values there are.
  var values: Int { numbers + texts }
  /// Whether all values are numbers.
  var isNumeric: Bool { numbers > 0 && texts == 0 }
  /// Whether it is the same value everywhere.
  var isConstant: Bool { distinct.count < 2 }
  var deviation: Double { spread.deviation }

  /// Digits behind the point that are worth a token each: the last is at most so large a share of the standard deviation.
  func decimals(share: Double) -> Int {
    let wanted = (-log10(share * deviation)).rounded(.up)
    // Without spread, or with more than a double holds, all of them.
    guard deviation > 0, let digits = Int(exactly: wanted) else { return mostDecimals }
    return min(mostDecimals, max(0, digits))
  }
}

/// How far two columns of numbers are linear functions of each other.
struct Covariance {
  private var count = 0.0, means = (0.0, 0.0), squares = (0.0, 0.0), products = 0.0

  mutating func add(_ x: Double, _ y: Double) {
    count += 1
    let (dx, dy) = (x - means.0, y - means.1)
    means.0 += dx / count
    means.1 += dy / count
    squares.0 += dx * (x - means.0)
    squares.1 += dy * (y - means.1)
    products += dx * (y - means.1)
  }

  /// Pearson's correlation; nil where it is not defined.
  var correlation: Double? {
    squares.0 > 0 && squares.1 > 0 ? products / (squares.0 * squares.1).squareRoot() : nil
  }
}
