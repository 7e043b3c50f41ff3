// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// Weights of digits by their place (equation 9; docs/paper-map.md Q10). They multiply the distance loss alone.
public enum PlaceRule: String, Sendable, Hashable, Codable, CaseIterable {
  /// Every metric token counts the same.
  case none
  /// Rank from the least significant digit of the whole number: 4, 3, 2, 1 for 1024 and for 0.123.
  case number
  /// Rank inside the unbroken run of digits: 1 and 3, 2, 1 for 0.123.
  case run
  /// Powers of ten: 1, 0.1, 0.01, 0.001 for 0.123.
  case powerOfTen

  /// The weight w of a digit at this place.
  public func weight(of place: PlaceValue) -> Double {
    switch self {
    case .none: return 1
    case .number: return Double(place.rankInNumber)
    case .run: return Double(place.rankInRun)
    case .powerOfTen:
      let power = (0..<abs(place.exponent)).reduce(1.0) { power, _ in power * 10 }
      return place.exponent < 0 ? 1 / power : power
    }
  }
}
