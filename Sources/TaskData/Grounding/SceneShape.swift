// SPDX-License-Identifier: Apache-2.0
import Recipes
import Evaluation
import Foundation

/// Something in a rendered scene.
struct SceneShape: Sendable, Hashable {
  enum Kind: String, CaseIterable { case circle, square, triangle, diamond, cross }
  enum Colour: String, CaseIterable {
    case red, green, blue, yellow, purple, orange

    var rgb: (UInt8, UInt8, UInt8) {
      switch self {
      case .red: (208, 38, 38)
      case .green: (40, 160, 62)
      case .blue: (38, 82, 214)
      case .yellow: (236, 206, 40)
      case .purple: (136, 54, 176)
      case .orange: (240, 132, 30)
      }
    }
  }
  enum Size: String, CaseIterable { case small, large }

  var kind: Kind
  var colour: Colour
  var size: Size
  /// Centre and half the side, in pixels.
  var x, y, radius: Int

  /// The pixels it covers: from the first one to behind the last.
  var box: BoundingBox {
    BoundingBox([Double(x - radius), Double(y - radius), Double(x + radius + 1), Double(y + radius + 1)])!
  }

  /// Whether a pixel belongs to it, `dx` and `dy` from its centre.
  func covers(_ dx: Int, _ dy: Int) -> Bool {
    switch kind {
    case .circle: dx * dx + dy * dy <= radius * radius
    case .square: true
    // Its tip is in the middle of the upper edge.
    case .triangle: 2 * abs(dx) <= dy + radius
    case .diamond: abs(dx) + abs(dy) <= radius
    case .cross: 3 * abs(dx) <= radius || 3 * abs(dy) <= radius
    }
  }
}

/// Shapes on a background, and what could be said of one of them.
struct Scene: Sendable {
  /// Pixels of a side.
  let side: Int
  let shapes: [SceneShape]

  /// Every way that singles out a shape, the ones with fewer words first: by colour, shape and size; by where it is.
  func expressions(of index: Int) -> (byLook: [String], byPlace: [String]) {
    let own = shapes[index]
    func isAlone(_ fits: (SceneShape) -> Bool) -> Bool { shapes.count(where: fits) == 1 }
    var look = [String](), place = [String]()
    if isAlone({ $0.kind == own.kind }) { look.append("the \(own.kind.rawValue)") }
    if isAlone({ $0.colour == own.colour }) { look.append("the \(own.colour.rawValue) one") }
    if isAlone({ $0.kind == own.kind && $0.colour == own.colour }) {
      look.append("the \(own.colour.rawValue) \(own.kind.rawValue)")
    }
    if isAlone({ $0.kind == own.kind && $0.colour == own.colour && $0.size == own.size }) {
      look.append("the \(own.size.rawValue) \(own.colour.rawValue) \(own.kind.rawValue)")
    }
    for (word, rank) in Self.places {
      // What is said must be plain to see.
      if isFirst(index, among: shapes.indices.filter { shapes[$0].kind == own.kind }, rank) {
        place.append("the \(word) \(own.kind.rawValue)")
      }
      if isFirst(index, among: shapes.indices.filter { shapes[$0].colour == own.colour }, rank) {
        place.append("the \(word) \(own.colour.rawValue) one")
      }
    }
    return (look, place)
  }

  static let places: [(String, @Sendable (SceneShape) -> Int)] = [
    ("leftmost", { $0.x }), ("rightmost", { -$0.x }), ("topmost", { $0.y }), ("bottommost", { -$0.y }),
  ]

  /// Whether a shape comes first by a good margin, and is not the only one.
  private func isFirst(_ index: Int, among others: [Int], _ rank: (SceneShape) -> Int) -> Bool {
    others.count > 1 && others.allSatisfy { $0 == index || rank(shapes[$0]) - rank(shapes[index]) >= side / 12 }
  }
}
