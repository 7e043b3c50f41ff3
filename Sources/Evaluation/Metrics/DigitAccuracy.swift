// SPDX-License-Identifier: Apache-2.0
public import MetricTokens

/// How often the digit at one power of ten is right.
public struct DigitAccuracy: Sendable, Hashable, Codable {
  /// Power of ten: 0 for units, −1 for tenths.
  public var exponent: Int
  /// Share of right digits.
  public var share: Double
  /// How many there were.
  public var count: Int

  /// Compares numbers place by place, from the highest.
  ///
  /// Digits are compared by their place in the value, so `0.5` equals `0.500`. Signs do not matter here.
  ///
  /// - Parameters:
  ///   - predictions: what was answered; nil (no number) is wrong at every place.
  ///   - truths: what was right. Places count where the truth has a digit.
  public static func byPlace(_ predictions: [ParsedNumber?], _ truths: [ParsedNumber]) -> [DigitAccuracy] {
    precondition(predictions.count == truths.count, "\(predictions.count) predictions for \(truths.count) truths")
    var right = [Int: Int](), all = [Int: Int]()
    for (prediction, truth) in zip(predictions, truths) {
      for (place, digit) in truth.places {
        all[place, default: 0] += 1
        if let prediction, (prediction.places[place] ?? 0) == digit { right[place, default: 0] += 1 }
      }
    }
    return all.sorted { $0.key > $1.key }.map { place, count in
      DigitAccuracy(exponent: place, share: Double(right[place] ?? 0) / Double(count), count: count)
    }
  }
}

extension ParsedNumber {
  /// Digits by power of ten.
  fileprivate var places: [Int: UInt8] {
    Dictionary(uniqueKeysWithValues: digits.enumerated().map { (exponent + digits.count - 1 - $0.offset, $0.element) })
  }
}
