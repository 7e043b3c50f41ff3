// SPDX-License-Identifier: Apache-2.0
/// Bounds of the numbers in run files. Each keeps what is computed of a number — a product of two, memory in proportion
/// to it, a conversion to the model's floats — from overflowing, far beyond what is of use.
enum SettingRange {
  /// Steps, examples, tokens, characters: the product of two still fits an Int.
  static let counts = 1...1_000_000_000
  /// Unit of which so many are held in memory.
  static let sizes = 1...1_000_000
  /// Factors of losses and gradients, which become 32-bit floats.
  static let factors = 0...1e9
  /// Range of divisors: neither it nor its inverse leaves the range of 32-bit floats, even squared.
  static let divisors = 1e-9...1e9
  /// Values of tokens.
  static let values = -1e12...1e12
}

extension SettingsReader {
  /// A number of a range, nil if the key is absent or null.
  ///
  /// - Parameter unit: what is counted, for errors: `a number of steps`.
  func optional<T: SettingValue & Comparable>(
    _ key: String, in range: ClosedRange<T>, _ unit: String = "a number"
  ) throws -> T? {
    try optional(key, Self.words(range, unit)) { range.contains($0) }
  }

  /// A number of a range, or another if the key is absent.
  func value<T: SettingValue & Comparable>(
    _ key: String, default other: T, in range: ClosedRange<T>, _ unit: String = "a number"
  ) throws -> T {
    try value(key, default: other, Self.words(range, unit)) { range.contains($0) }
  }

  /// A number of a range, under a key that must be there.
  func required<T: SettingValue & Comparable>(
    _ key: String, in range: ClosedRange<T>, _ unit: String = "a number"
  ) throws -> T {
    try required(key, Self.words(range, unit)) { range.contains($0) }
  }

  private static func words<T>(_ range: ClosedRange<T>, _ unit: String) -> String {
    "\(unit) from \(range.lowerBound) to \(range.upperBound)"
  }
}
