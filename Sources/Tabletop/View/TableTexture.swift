// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Texture of an object: a colour, or a pattern of two.
struct TableTexture {
  /// Red, green and blue, 0 … 255.
  typealias Colour = SIMD3<Int>

  private enum Pattern { case plain, stripes, dots, checks, grid, swirl, paisley, tiger, wood, speckles, rainbow }

  private let pattern: Pattern
  /// The colours that occur.
  let palette: [Colour]

  /// The texture of a name of the catalog, `dark red swirl` for instance; a name without a look of its own is gray.
  init(named name: String) {
    let isDark = name.hasPrefix("dark ")
    let found = Self.look(isDark ? String(name.dropFirst(5)) : name)
    pattern = found.pattern
    palette = isDark ? found.palette.map { $0 &* 11 / 20 } : found.palette
  }

  /// The colour of a place on an object, metres from its centre, to the right and down while it is unturned.
  func colour(_ u: Double, _ v: Double) -> Colour {
    switch pattern {
    case .plain: return palette[0]
    case .rainbow: return palette[min(max(Int(((u + 0.054) / 0.018).rounded(.down)), 0), palette.count - 1)]
    case .speckles: return palette[Int(Self.hash(u / 0.006, v / 0.006) % 3)]
    default: return palette[isFigure(u, v) ? 1 : 0]
    }
  }

  /// Whether the pattern's second colour is here.
  private func isFigure(_ u: Double, _ v: Double) -> Bool {
    switch pattern {
    case .stripes: Self.phase(u / 0.04) < 0.5
    case .dots: Self.offset(u, v, pitch: 0.032) < 0.0105
    case .checks: (Self.phase(u / 0.044) < 0.5) != (Self.phase(v / 0.044) < 0.5)
    case .grid: min(Self.phase(u / 0.03), Self.phase(v / 0.03)) < 0.2
    case .swirl:
      Self.phase(3 * atan2(v, u) / (2 * .pi) + (u * u + v * v).squareRoot() / 0.05) < 0.5
    case .paisley:
      // Drops in rows, every other row half a pitch further.
      Self.offset(u + (Self.phase(v / 0.044) < 0.5 ? 0 : 0.014), v, pitch: (0.028, 0.022)) < 0.0075
    case .tiger: Self.phase(v / 0.028 + 0.25 * sin(u / 0.012)) < 0.4
    case .wood: Self.phase(v / 0.02 + 0.2 * sin(u / 0.02)) < 0.35
    case .plain, .rainbow, .speckles: false
    }
  }

  /// The part of a number behind its point, 0 ..< 1 for negative numbers too.
  private static func phase(_ value: Double) -> Double { value - value.rounded(.down) }

  /// Metres to the middle of the cell of a grid.
  private static func offset(_ u: Double, _ v: Double, pitch: (Double, Double)) -> Double {
    let x = (phase(u / pitch.0) - 0.5) * pitch.0, y = (phase(v / pitch.1) - 0.5) * pitch.1
    return (x * x + y * y).squareRoot()
  }

  private static func offset(_ u: Double, _ v: Double, pitch: Double) -> Double { offset(u, v, pitch: (pitch, pitch)) }

  private static func hash(_ u: Double, _ v: Double) -> UInt64 {
    let cell = UInt64(bitPattern: Int64(u.rounded(.down))) &* 0x9E37_79B9_7F4A_7C15
    let mixed = (cell ^ UInt64(bitPattern: Int64(v.rounded(.down)))) &* 0xBF58_476D_1CE4_E5B9
    return mixed >> 40
  }

  // MARK: Names

  private static func look(_ name: String) -> (pattern: Pattern, palette: [Colour]) {
    if let known = named[name] { return known }
    for (ending, pattern) in [(" stripe", Pattern.stripes), (" polka dot", .dots)] where name.hasSuffix(ending) {
      let pair = name.dropLast(ending.count).split(separator: " and ").compactMap { colours[String($0)] }
      if pair.count == 2 { return (pattern, pair) }
    }
    for (ending, pattern) in [(" swirl", Pattern.swirl), (" paisley", .paisley)] where name.hasSuffix(ending) {
      if let colour = colours[String(name.dropLast(ending.count))] { return (pattern, [colour, white]) }
    }
    return (.plain, [colours[name] ?? gray])
  }

  private static let white = Colour(245, 245, 245)
  /// Lighter than the table, on which black would look like a gap.
  private static let black = Colour(85, 85, 92)
  private static let gray = Colour(160, 160, 160)
  private static let colours: [String: Colour] = [
    "red": [255, 87, 89], "yellow": [237, 201, 72], "green": [89, 161, 79], "blue": [78, 121, 187],
    "purple": [176, 102, 171], "cyan": [98, 203, 208], "olive": [150, 155, 20], "plastic": [250, 190, 210],
  ]
  private static let named: [String: (Pattern, [Colour])] = [
    "granite": (.speckles, [[190, 190, 190], [130, 130, 130], [90, 90, 90]]),
    "tiger": (.tiger, [[240, 150, 30], [120, 60, 15]]),
    "rainbow": (
      .rainbow, [[230, 50, 50], [240, 150, 40], [240, 230, 60], [70, 190, 80], [60, 120, 230], [150, 70, 200]]
    ),
    "tiles": (.grid, [[110, 170, 160], white]),
    "wooden": (.wood, [[190, 140, 90], [125, 80, 45]]),
    "polka dot": (.dots, [white, black]),
    "checkerboard": (.checks, [white, black]),
  ]
}
