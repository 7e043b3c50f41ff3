// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Outline of a shape from above, in the square from −1 to 1 that its width and depth span: x to the right, y down,
/// unturned.
enum ShapeOutline {
  case rectangle
  /// A rectangle with a darker edge, as a taller one shows.
  case block
  case corner, cross, pentagon, triangle, heart, flower
  /// A disc with a hole of this radius.
  case ring(hole: Double)
  /// Lines of half this width, one after the other from point to point; more than one chain for some letters.
  case strokes([[SIMD2<Double>]], half: Double)
  /// Rims with something darker within, or with nothing.
  case bowl, tray
  case frame(inner: Double)
  /// Open towards the robot.
  case threeSides

  /// The outline of a shape of the catalog; others are rectangles.
  init(named name: String) {
    self = Self.known[name] ?? .rectangle
  }

  /// How bright a point is, in per cent of its texture; nil outside the outline.
  func brightness(_ x: Double, _ y: Double) -> Int? {
    guard max(abs(x), abs(y)) <= 1 else { return nil }
    switch self {
    case .block: return max(abs(x), abs(y)) > 0.7 ? 65 : 100
    case .bowl, .tray: return rim(x, y)
    default: return covers(x, y) ? 100 : nil
    }
  }

  private func rim(_ x: Double, _ y: Double) -> Int? {
    let radius = if case .bowl = self { (x * x + y * y).squareRoot() } else { max(abs(x), abs(y)) }
    return radius > 1 ? nil : radius > 0.8 ? 100 : 60
  }

  private func covers(_ x: Double, _ y: Double) -> Bool {
    switch self {
    case .rectangle, .block, .bowl, .tray: return true
    case .corner: return x <= -0.2 || y >= 0.2
    case .cross: return min(abs(x), abs(y)) <= 0.33
    case .triangle: return 2 * abs(x) <= y + 1
    case .pentagon: return Self.pentagonSides.allSatisfy { 1.0515 * x * $0.x + (y - 0.1056) * $0.y <= 0.8944 }
    case .heart: return Self.heart(x, y)
    case .flower: return (x * x + y * y).squareRoot() <= 0.72 + 0.28 * cos(5 * atan2(x, -y))
    case .ring(let hole): return (hole * hole...1).contains(x * x + y * y)
    case .strokes(let chains, let half): return chains.contains { Self.isNear(SIMD2(x, y), $0, half) }
    case .frame(let inner): return max(abs(x), abs(y)) >= inner
    case .threeSides: return abs(x) >= 0.88 || y <= -0.85
    }
  }

  /// Outward normals of a regular pentagon that stands on its base, the tip at the top. Its circle has radius 1.1056,
  /// so that it reaches from −1 to 1 in height; it is made as wide.
  private static let pentagonSides = (0..<5).map { side in
    let angle = (36 + 72 * Double(side)) * .pi / 180
    return SIMD2(sin(angle), -cos(angle))
  }

  /// (X² + Y² − 1)³ ≤ X² Y³, stretched to the square.
  private static func heart(_ x: Double, _ y: Double) -> Bool {
    let (a, b) = (1.139 * x, 0.118 - 1.118 * y), circle = a * a + b * b - 1
    return circle * circle * circle <= a * a * b * b * b
  }

  private static func isNear(_ point: SIMD2<Double>, _ chain: [SIMD2<Double>], _ half: Double) -> Bool {
    zip(chain, chain.dropFirst()).contains { start, end in
      let way = end - start, from = point - start
      let along = min(max((from * way).sum() / (way * way).sum(), 0), 1), miss = from - along * way
      return (miss * miss).sum() <= half * half
    }
  }

  private static let known: [String: ShapeOutline] = [
    "letter A": .strokes([[[-0.85, 1.2], [0, -0.85], [0.85, 1.2]], [[-0.5, 0.4], [0.5, 0.4]]], half: 0.22),
    "letter E": .strokes(
      [[[1, -0.8], [-0.75, -0.8], [-0.75, 0.8], [1, 0.8]], [[-0.75, 0], [0.8, 0]]], half: 0.22),
    "letter G": .strokes(
      [
        [
          [0.85, -0.5], [0.4, -0.8], [-0.35, -0.8], [-0.8, -0.35], [-0.8, 0.35], [-0.35, 0.8], [0.4, 0.8],
          [0.78, 0.5], [0.78, 0.1], [0.2, 0.1],
        ]
      ], half: 0.22),
    "letter M": .strokes([[[-0.8, 1.2], [-0.8, -0.8], [0, 0.4], [0.8, -0.8], [0.8, 1.2]]], half: 0.22),
    "letter T": .strokes([[[-1, -0.76], [1, -0.76]], [[0, -0.76], [0, 1.2]]], half: 0.25),
    "letter V": .strokes([[[-0.85, -1.2], [0, 0.85], [0.85, -1.2]]], half: 0.24),
    "cross": .cross, "flower": .flower, "heart": .heart, "pentagon": .pentagon, "ring": .ring(hole: 0.45),
    "triangle": .triangle, "L-shaped block": .corner, "block": .block, "bowl": .bowl, "container": .tray,
    "frame": .frame(inner: 0.7), "square": .frame(inner: 0.88), "three-sided rectangle": .threeSides,
  ]
}
