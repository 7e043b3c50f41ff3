// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A value and the way people want to read it: `3 min 12 s`, `1.5 GiB`, `1,234,567`.
public enum Quantity: Sendable, Hashable, CustomStringConvertible {
  /// Text as it is.
  case text(String)
  /// A number with four significant digits.
  case number(Double)
  /// A number with a fixed count of decimals.
  case fixed(Double, decimals: Int)
  /// A whole number, digits in groups of three.
  case count(Int)
  /// A size in bytes, in binary units.
  case bytes(Int)
  /// A time in seconds, in its two largest units.
  case duration(Double)
  /// How many of something a second: `12.3 step/s`, below one a second `4.2 s/step`.
  case rate(Double, unit: String)
  /// A share of one: `62 %`.
  case percent(Double)

  /// The value as people read it. Never depends on the locale, so that reports compare byte for byte.
  public var description: String {
    switch self {
    case .text(let text): return text
    case .number(let value): return Self.significant(value, digits: 4)
    case .fixed(let value, let decimals): return Self.decimals(value, decimals)
    case .count(let value): return Self.grouped(value)
    case .bytes(let value): return Self.binary(value)
    case .duration(let seconds): return Self.time(seconds)
    case .rate(let value, let unit): return Self.perSecond(value, unit)
    case .percent(let share): return Self.decimals(share * 100, abs(share) < 0.1 && share != 0 ? 1 : 0) + " %"
    }
  }

  /// `value` with exactly `count` decimals; scientific where fixed point would be a row of zeros or of digits.
  package static func decimals(_ value: Double, _ count: Int) -> String {
    if let special = special(value) { return special }
    if abs(value) >= 1e15 { return scientific(value, digits: 4) }
    let text = String(format: "%.\(count)f", value)
    // -0.0004 with three decimals is 0.000, not -0.000.
    return text.hasPrefix("-") && !text.contains { ("1"..."9").contains($0) } ? String(text.dropFirst()) : text
  }

  /// `value` with `digits` significant digits and no trailing zeros: `0.01234`, `1234`, `1.2e-07` as `1.2e-7`.
  package static func significant(_ value: Double, digits: Int) -> String {
    if let special = special(value) { return special }
    if value == 0 { return "0" }
    if abs(value) >= 1e6 || abs(value) < 1e-4 { return scientific(value, digits: digits) }
    let exponent = Int(log10(abs(value)).rounded(.down))
    return trimmed(decimals(value, max(0, digits - 1 - exponent)))
  }

  private static func scientific(_ value: Double, digits: Int) -> String {
    let parts = String(format: "%.\(digits - 1)e", value).split(separator: "e")
    return trimmed(String(parts[0])) + "e\(Int(parts[1]) ?? 0)"
  }

  private static func special(_ value: Double) -> String? {
    if value.isNaN { return "NaN" }
    return value.isInfinite ? (value < 0 ? "-∞" : "∞") : nil
  }

  private static func trimmed(_ text: String) -> String {
    guard text.contains(".") else { return text }
    var text = Substring(text)
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return String(text)
  }

  /// `1 seed`, `5 seeds`, `1,000 examples`: of a noun whose plural has an s.
  package static func counted(_ count: Int, _ noun: String) -> String {
    "\(Quantity.count(count)) \(noun)\(count == 1 ? "" : "s")"
  }

  private static func grouped(_ value: Int) -> String {
    var text = ""
    for (index, digit) in String(value.magnitude).reversed().enumerated() {
      if index > 0, index % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return (value < 0 ? "-" : "") + String(text.reversed())
  }

  private static func binary(_ bytes: Int) -> String {
    if bytes.magnitude < 1024 { return "\(bytes) B" }
    var value = Double(bytes)
    var unit = ""
    // 1023.95 would print as 1024.0 of the smaller unit.
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] where abs(value) >= 1023.95 || unit.isEmpty {
      value /= 1024
      unit = next
    }
    return decimals(value, 1) + " " + unit
  }

  private static func time(_ seconds: Double) -> String {
    guard seconds.isFinite, abs(seconds) < 1e12 else { return special(seconds) ?? "∞" }
    if seconds < 0 { return "-" + time(-seconds) }
    if seconds == 0 { return "0 s" }
    if seconds < 0.0995 { return significant(seconds * 1000, digits: 2) + " ms" }
    if seconds < 9.95 { return decimals(seconds, 1) + " s" }
    let whole = Int(seconds.rounded())
    switch whole {
    case ..<60: return "\(whole) s"
    case ..<3600: return "\(whole / 60) min \(whole % 60) s"
    case ..<86_400: return "\(whole / 3600) h \(whole % 3600 / 60) min"
    default: return "\(grouped(whole / 86_400)) d \(whole % 86_400 / 3600) h"
    }
  }

  private static func perSecond(_ value: Double, _ unit: String) -> String {
    if value > 0, value < 1 { return significant(1 / value, digits: 3) + " s/\(unit)" }
    switch abs(value) {
    case 1e9...: return significant(value / 1e9, digits: 3) + "G \(unit)/s"
    case 1e6...: return significant(value / 1e6, digits: 3) + "M \(unit)/s"
    case 1e4...: return significant(value / 1e3, digits: 3) + "k \(unit)/s"
    default: return significant(value, digits: 3) + " \(unit)/s"
    }
  }
}

extension ClosedRange {
  /// `from 0 to 1e9`: ends as people read them, none rounded.
  package var words: String {
    func text(_ end: Bound) -> String { (end as? Double).map { Quantity.significant($0, digits: 15) } ?? "\(end)" }
    return "from \(text(lowerBound)) to \(text(upperBound))"
  }
}
