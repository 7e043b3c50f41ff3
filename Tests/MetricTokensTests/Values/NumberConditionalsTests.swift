// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Testing

/// Conditionals over characters against full enumeration: every value written out, texts compared as texts.
@Suite struct NumberConditionalsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var format: ValueFormat
    var distance: NumberDistance
    var scale: ValueScale
    var truths: [Double]
    var testDescription: String { name }
  }

  static let cases: [Case] = [
    Case("integers", 0...999, .squared, .width(25), [0, 7, 40, 199, 200, 999]),
    Case("padded", 0...999, integerDigits: 3, .squared, .width(40), [0, 7, 99, 500]),
    Case("negative", -120...80, .absolute, .width(9), [-120, -3, 0, 5]),
    Case("narrow absolute", -30...1200, .absolute, .width(0.4), [-3, 0, 1000]),
    Case("fixed decimals", -250...1475, decimals: 2, .squared, .width(0.8), [-2.5, 0, 0.07, 9.99, 14.75]),
    Case(
      "trimmed decimals", -90...2300, decimals: 2, isTrimmed: true, .squared, .width(1.5), [-0.9, 0, 3, 9.9, 10.25]),
    Case("relative", 1...4000, .relative, .width(0.2), [1, 12, 950, 4000]),
    Case("relative width", 0...5000, .squared, .relative(0.1), [0, 3, 999, 1001]),
    Case("circle", 0...359, .circular(period: 360), .width(20), [0, 5, 180, 359]),
    Case("one's own", -50...150, .other(AnyNumberMetric(Lopsided())), .width(7), [-50, 3, 99, 150]),
    Case("one-hot", 0...99, .squared, .temperature(0), [0, 9, 10, 99]),
    Case("wide normal", 0...99_999, .squared, .width(4000), [0, 9999, 10_000, 54_321]),
    Case("wide normal with decimals", -400_000...400_000, decimals: 3, .squared, .width(31), [-399.999, 0, 12.5]),
    Case("wide Laplace", 0...99_999, .absolute, .width(2500), [0, 9, 60_000]),
    Case("half points", 2...12, decimals: 1, step: 5, .squared, .width(0.8), [1, 3.5, 6]),
    Case("trimmed halves", -9...40, decimals: 1, isTrimmed: true, step: 5, .absolute, .width(2), [-4.5, 0, 3, 12.5]),
    Case("hundreds", -30...400, step: 100, .squared, .width(700), [-3000, -100, 0, 100, 900, 1000, 40_000]),
    Case("padded tens", 0...99, integerDigits: 3, step: 10, .absolute, .width(45), [0, 90, 100, 990]),
    Case("wide quarters", -4000...40_000, decimals: 2, step: 25, .squared, .width(300), [-1000, 0, 9.75, 10]),
  ]

  @Test(arguments: cases) func equalsEnumeration(_ test: Case) throws {
    let format = test.format
    let texts = format.indices.map { format.text($0) }
    #expect(Set(texts).count == texts.count, "every value has a writing of its own")
    for truth in test.truths {
      let target = ValueTarget(format, distance: test.distance, scale: test.scale)
      let mass = try target.mass(around: truth)
      let probabilities = Self.enumerate(target, truth)
      let index = try #require(format.index(nearest: truth))
      let conditionals = NumberConditionals(along: index, of: format, mass)
      let text = Array(format.text(index))
      #expect(conditionals.places.count == text.count + 1)
      for (count, place) in conditionals.places.enumerated() {
        let expected = Self.next(after: String(text[..<count]), texts, probabilities)
        for (symbol, probability) in expected {
          #expect(abs(place[symbol] - probability) < 1e-12, "\(truth) after \(count): \(symbol)")
        }
        let sum = place.digits.reduce(0, +) + place.point + place.minus + place.end
        #expect(abs(sum - 1) < 1e-13)
      }
      // The product along the number is the number's own probability (chain rule).
      var product = 1.0
      for (place, symbol) in zip(conditionals.places, text.map(String.init) + [""]) { product *= place[symbol] }
      let own = probabilities[index - format.indices.lowerBound]
      #expect(abs(product - own) <= 1e-12 * max(own, 1e-3))
    }
  }

  /// p ∝ exp(−d/τ), value by value.
  static func enumerate(_ target: ValueTarget, _ x: Double) -> [Double] {
    let tau = target.temperature(around: x)
    let distances = target.format.indices.map { target.distance(target.format.value($0), x) }
    let least = distances.min() ?? 0
    let weights = distances.map { $0 == least ? 1 : exp(-($0 - least) / tau) }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }

  /// Probability of what follows a beginning, by comparing texts. "" is the end.
  static func next(after beginning: String, _ texts: [String], _ probabilities: [Double]) -> [String: Double] {
    var sums = [String: Double](), all = 0.0
    for (text, probability) in zip(texts, probabilities) where text.hasPrefix(beginning) {
      sums[text.dropFirst(beginning.count).first.map(String.init) ?? "", default: 0] += probability
      all += probability
    }
    return sums.mapValues { $0 / all }
  }
}

extension NumberConditionalsTests.Case {
  fileprivate init(
    _ name: String, _ indices: ClosedRange<Int>, decimals: Int = 0, isTrimmed: Bool = false, integerDigits: Int = 1,
    step: Int = 1, _ distance: NumberDistance, _ scale: ValueScale, _ truths: [Double]
  ) {
    guard
      let format = try? ValueFormat(
        indices: indices, decimals: decimals, isTrimmed: isTrimmed, integerDigits: integerDigits, step: step)
    else { preconditionFailure(name) }
    self.init(name: name, format: format, distance: distance, scale: scale, truths: truths)
  }
}

/// Too much is twice as far as too little.
private struct Lopsided: NumberMetric {
  let name = "lopsided"
  func distance(from x: Double, to v: Double) -> Double { v > x ? 2 * (v - x) : x - v }
}

extension NumberConditionals.Place {
  /// Probability of a character, or of the end.
  fileprivate subscript(_ text: String) -> Double {
    switch text {
    case "": end
    case "-": minus
    case ".": point
    default: digits[Int(text) ?? 0]
    }
  }
}
