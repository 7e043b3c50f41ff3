// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
import Testing

/// Targets around what lies outside the format's range: ratings of another scale, angles beyond a turn. Enumeration in
/// 80 bits is the reference, of differences of distances, which do not underflow.
@Suite struct FarTargetTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var indices: ClosedRange<Int>
    var decimals = 0
    var distance: NumberDistance
    var width: Double
    var truths: [Double]
    var testDescription: String { "\(distance) \(width) over \(indices)" }
  }

  static let cases = [
    Case(indices: 0...999, distance: .squared, width: 5, truths: [1004, 1500, 90_000, -3, -1e6, 1e12, -1e30]),
    Case(indices: -500...999, distance: .squared, width: 150, truths: [1200, 1600, 2000, 9000, -700, -1e5, 1e14]),
    Case(indices: 0...60_000, distance: .squared, width: 9000, truths: [61_000, 100_000, 300_000, 1e9, -2e5]),
    Case(indices: 0...999, distance: .absolute, width: 0.3, truths: [1000, 1e6, -1e15, 1e300]),
    Case(indices: 100...999, distance: .absolute, width: 40, truths: [1000, 1e6, -1e15, 1e300]),
    Case(indices: 1...400, distance: .relative, width: 0.2, truths: [500, 1e9, 0.3, 1e-9, 0, -4]),
    Case(indices: -3...40, distance: .relative, width: 0.5, truths: [1.45, 2.4, 0.2, -2, -2.5, 0]),
    Case(indices: 0...359, distance: .circular(period: 360), width: 15, truths: [365, 725, -10, -900, 180.5]),
    Case(indices: 20...90, distance: .circular(period: 360), width: 15, truths: [5, 200, 235, 300, 415]),
    Case(indices: 0...1000, decimals: 1, distance: .squared, width: 2, truths: [120, 1e4, -7]),
  ]

  @Test(arguments: cases) func areWhatIsLeftOfThem(_ test: Case) throws {
    let format = try ValueFormat(indices: test.indices, decimals: test.decimals)
    let target = ValueTarget(format, distance: test.distance, scale: .width(test.width))
    for truth in test.truths {
      let mass = try target.mass(around: truth), expected = Self.enumerate(target, truth)
      let sum = mass.mass(of: format.indices)
      #expect(sum > 0 && sum.isFinite, "\(truth)")
      for (index, probability) in zip(format.indices, expected) {
        let found = mass.mass(of: index...index) / sum
        #expect(abs(found - Double(probability)) < 1e-12, "\(truth): \(index)")
      }
      // Sums over stretches, of which conditionals are quotients, and the window that holds them.
      for (low, high) in [(0.0, 0.1), (0.05, 0.5), (0.5, 1), (0.93, 0.99)] {
        let count = Double(format.count - 1)
        let stretch = format.indices.lowerBound + Int(low * count)...format.indices.lowerBound + Int(high * count)
        let wanted = zip(format.indices, expected).reduce(0 as Float80) { $0 + (stretch.contains($1.0) ? $1.1 : 0) }
        #expect(abs(mass.mass(of: stretch) / sum - Double(wanted)) < 1e-12, "\(truth): \(stretch)")
      }
      for share in [1e-3, 1e-15] {
        let window = mass.window(leavingOut: share)
        let beyond = zip(format.indices, expected).reduce(0 as Float80) { $0 + (window.contains($1.0) ? 0 : $1.1) }
        #expect(Double(beyond) <= share, "\(truth): \(window) leaves out \(beyond)")
      }
      // What is taught along the likeliest value is a distribution at each place, the likeliest's own first digits likely.
      let likeliest = format.indices.lowerBound + (expected.indices.max { expected[$0] < expected[$1] } ?? 0)
      let product = product(NumberConditionals(along: likeliest, of: format, mass), format.text(likeliest))
      let own = Double(expected[likeliest - format.indices.lowerBound])
      #expect(abs(product - own) < 1e-12, "\(truth)")
    }
  }

  private func product(_ conditionals: NumberConditionals, _ text: String) -> Double {
    zip(conditionals.places, text.map(String.init) + [""]).reduce(1) { product, place in
      switch place.1 {
      case "": product * place.0.end
      case "-": product * place.0.minus
      case ".": product * place.0.point
      default: product * place.0.digits[Int(place.1) ?? 0]
      }
    }
  }

  /// p ∝ exp(−(d − least d)/τ), value by value, without cancellation.
  static func enumerate(_ target: ValueTarget, _ x: Double) -> [Float80] {
    let tau = Float80(target.temperature(around: x)), x = Float80(x)
    let scale = Float80(target.format.value(1) == 1 ? 1 : 10)
    let values = target.format.indices.map { Float80($0) / scale }
    let energies: [Float80] = values.map { v in
      switch target.distance {
      // (v − x)² − x², whose greatest part is the same for all.
      case .squared: return v * v - 2 * v * x
      case .absolute:
        let range = target.format.range, near = min(max(x, Float80(range.lowerBound)), Float80(range.upperBound))
        return Swift.abs(v - near)
      case .circular(let period):
        let turn = Float80(period), away = Swift.abs(v - x).truncatingRemainder(dividingBy: turn)
        return min(away, turn - away)
      case .relative:
        guard v > 0, x > 0 else { return v == x ? 0 : .infinity }
        let ratio = ln(v / x)
        return ratio * ratio
      case .other(let metric): return Float80(metric.base.distance(from: Double(x), to: Double(v)))
      }
    }
    let least = energies.min() ?? 0
    // Infinitely far from all: the nearest is meant.
    guard least.isFinite else {
      let nearest = values.indices.min { Swift.abs(values[$0] - x) < Swift.abs(values[$1] - x) }
      return values.indices.map { $0 == nearest ? 1 : 0 }
    }
    let weights = energies.map { energy in energy == least ? 1 : exponential(-(energy - least) / tau) }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }

  private static func exponential(_ x: Float80) -> Float80 { x < -11_000 ? 0 : Foundation.exp(x) }
  private static func ln(_ x: Float80) -> Float80 { Foundation.log(x) }
}
