// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Reports

// Every option that takes a number says which it takes: `@Option(help: …, transform: whole(1...100)) var seeds = 3`.
// ArgumentParser names the option and what was given, and the exit code is that of wrong usage.

/// Ranges that several options share; as in run files (`SettingRange`), so wide that only mistakes are outside and so
/// narrow that no product of two overflows.
enum OptionRange {
  /// Steps, examples, tokens, images.
  static let counts = 1...1_000_000_000
  /// Training runs are listed, seed by seed, before the first begins.
  static let seeds = 1...1000
  /// Images that are drawn, or numbers that are listed, before the first is needed.
  static let lists = 1...10_000_000
  /// Sides of images in pixels.
  static let sides = 1...8192
  /// Factors of losses and temperatures.
  static let factors = 0...1e9
  /// Marker of a run.
  static let seed: ClosedRange<UInt64> = 0...UInt64.max
}

/// Reads a whole number of a range.
func whole<T: FixedWidthInteger & Sendable>(_ range: ClosedRange<T>) -> @Sendable (String) throws -> T {
  { text in
    guard let number = T(text), range.contains(number) else {
      throw ValidationError("expected a whole number \(range.words)")
    }
    return number
  }
}

/// Reads a number of a range.
func number(_ range: ClosedRange<Double>) -> @Sendable (String) throws -> Double {
  { text in
    guard let number = Double(text), range.contains(number) else {
      throw ValidationError("expected a number \(range.words)")
    }
    return number
  }
}

/// Reads a number above 0, up to a bound.
func positive(_ bound: Double) -> @Sendable (String) throws -> Double {
  { text in
    guard let number = Double(text), number > 0, number <= bound else {
      throw ValidationError("expected a number above 0 and up to \(Quantity.number(bound))")
    }
    return number
  }
}
