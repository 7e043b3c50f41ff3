// SPDX-License-Identifier: Apache-2.0
import Reports

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

extension Allowed where T: Comparable {
  /// Numbers of a range.
  ///
  /// - Parameter unit: what is counted, for errors: `a number of steps`.
  static func range(_ range: ClosedRange<T>, _ unit: String) -> Allowed {
    Allowed(words: "\(unit) \(range.words)") { range.contains($0) }
  }
}

extension SettingsKeys {
  /// A number of a range.
  func value<T: SettingValue & Comparable>(
    _ key: String, _ value: inout T, in range: ClosedRange<T>, _ unit: String = "a number"
  ) throws {
    try self.value(key, &value, .range(range, unit))
  }

  /// As above, of a key without a default.
  func value<T: SettingValue & Comparable>(
    _ key: String, _ value: inout T?, in range: ClosedRange<T>, _ unit: String = "a number"
  ) throws {
    try self.value(key, &value, .range(range, unit))
  }

  /// A number of a range, under a key that must be there.
  func required<T: SettingValue & Comparable>(
    _ key: String, _ value: inout T, in range: ClosedRange<T>, _ unit: String = "a number"
  ) throws {
    try required(key, &value, .range(range, unit))
  }
}
