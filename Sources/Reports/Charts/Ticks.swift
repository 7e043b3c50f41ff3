// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The least of 1, 2, 2.5 and 5 times a power of ten that is not below `rough`.
func niceStep(for rough: Double) -> Double {
  guard rough.isFinite, rough > 0 else { return 1 }
  let power = pow(10, log10(rough).rounded(.down))
  guard power > 0 else { return rough }
  return [1, 2, 2.5, 5, 10].map { $0 * power }.first { $0 >= rough * (1 - 1e-9) } ?? 10 * power
}

/// Marks at the multiples of `step` from `low` to `high`, labelled with the decimals that `step` has.
func linearMarks(_ low: Double, _ high: Double, _ step: Double) -> [ResolvedAxis.Mark] {
  let first = (low / step - 1e-6).rounded(.up)
  let last = (high / step + 1e-6).rounded(.down)
  // A step too small for the size of the values would never end.
  guard last >= first, last - first < 100 else { return [low, high].map { .init(value: $0, label: tickLabel($0)) } }
  let largest = max(abs(low), abs(high))
  return stride(from: first, through: last, by: 1).map { index in
    let value = index * step
    return .init(value: value, label: tickLabel(value, step: step, largest: largest))
  }
}

/// Marks at powers of ten, at 1-2-5 where there are few powers, or at nice steps within one decade.
func logarithmicMarks(_ low: Double, _ high: Double, _ count: Int) -> [ResolvedAxis.Mark] {
  let decades = log10(high) - log10(low)
  if decades < 0.7 { return linearMarks(low, high, niceStep(for: (high - low) / Double(max(1, count)))) }
  let digits: [Double] = decades <= 2.5 ? [1, 2, 5] : [1]
  let every = max(1, Int((decades / Double(max(1, count))).rounded(.up)))
  var marks: [ResolvedAxis.Mark] = []
  for exponent in Int(log10(low).rounded(.down))...Int(log10(high).rounded(.up)) where exponent % every == 0 {
    let values = digits.map { $0 * pow(10, Double(exponent)) }
    let inside = values.filter { $0 >= low * (1 - 1e-9) && $0 <= high * (1 + 1e-9) }
    marks += inside.map { .init(value: $0, label: tickLabel($0)) }
  }
  return marks
}

/// A short label: `0.15`, `2k`, `1.5M`, `10⁻⁶`.
private func tickLabel(_ value: Double, step: Double? = nil, largest: Double? = nil) -> String {
  let step = step ?? abs(value)
  let largest = largest ?? abs(value)
  if value == 0 { return "0" }
  if largest >= 1e12 || largest < 1e-4 { return powerLabel(value) }
  for (size, suffix, from) in [(1e9, "G", 1e9), (1e6, "M", 1e6), (1e3, "k", 1e4)] where largest >= from {
    let decimals = decimals(of: step / size)
    if decimals <= 3 { return Quantity.decimals(value / size, decimals) + suffix }
  }
  return Quantity.decimals(value, decimals(of: step))
}

/// Decimals that tell multiples of `step` apart.
private func decimals(of step: Double) -> Int {
  var decimals = 0
  var scaled = step
  while abs(scaled - scaled.rounded()) > 1e-6 * scaled, decimals < 9 {
    scaled *= 10
    decimals += 1
  }
  return decimals
}

private func powerLabel(_ value: Double) -> String {
  let parts = Quantity.significant(value, digits: 3).split(separator: "e")
  guard parts.count == 2 else { return String(parts[0]) }
  let superscripts: [Character: Character] = [
    "-": "⁻", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹",
  ]
  let power = "10" + String(parts[1].compactMap { superscripts[$0] })
  return parts[0] == "1" ? power : parts[0] == "-1" ? "-" + power : "\(parts[0])·\(power)"
}
