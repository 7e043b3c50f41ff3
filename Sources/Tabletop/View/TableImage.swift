// SPDX-License-Identifier: Apache-2.0
import Foundation

extension TableScene {
  /// The table as the front camera shows it, RGB in row-major order: `[FrontView.height, FrontView.width, 3]`.
  ///
  /// Seen from above, where ``TableObject/box`` says: markings lie under containers, these under what is picked up.
  /// What stands on another object is painted smaller, so that the lower one shows. Edges are smooth: a pixel takes the
  /// mean of 16 points. Everything follows from the scene alone.
  public var pixels: [UInt8] {
    var canvas = TableCanvas()
    for index in paintingOrder { canvas.paint(objects[index], size: pow(0.75, Double(level(index)))) }
    return canvas.bytes
  }

  /// From the table up.
  private var paintingOrder: [Int] {
    func height(_ index: Int) -> Int {
      switch objects[index].shape.role {
      case .marking: 0
      case .container: 1
      case .swept: 2
      case .movable: 3 + level(index)
      }
    }
    return objects.indices.sorted { (height($0), $0) < (height($1), $1) }
  }
}

/// The image while it is painted.
private struct TableCanvas {
  private static let wall = TableTexture.Colour(repeating: 238)
  private static let table = TableTexture.Colour(repeating: 47)
  /// Points of a pixel, along either side.
  private static let points = 4

  private var pixels: [TableTexture.Colour]

  /// The bare table, and the wall behind it.
  init() {
    pixels = Array(repeating: Self.wall, count: FrontView.width * FrontView.height)
    for row in FrontView.row(forward: FrontView.forward.lowerBound)..<FrontView.height {
      for column in FrontView.column(
        side: FrontView.side.lowerBound)...FrontView.column(side: FrontView.side.upperBound)
      { pixels[row * FrontView.width + column] = Self.table }
    }
  }

  var bytes: [UInt8] { pixels.flatMap { [UInt8($0.x), UInt8($0.y), UInt8($0.z)] } }

  mutating func paint(_ object: TableObject, size: Double) {
    let look = Look(object, size: size), edges = object.edges
    for row in edges.top...edges.bottom {
      for column in edges.left...edges.right {
        blend(look, row: row, column: column)
      }
    }
  }

  /// The mean of a pixel's points: the object's where it is, else what was there.
  private mutating func blend(_ look: Look, row: Int, column: Int) {
    let count = Self.points * Self.points, index = row * FrontView.width + column
    var sum = TableTexture.Colour(), hits = 0
    for point in 0..<count {
      func within(_ pixel: Int, _ step: Int) -> Double { Double(pixel) + (Double(step) + 0.5) / Double(Self.points) }
      let place = FrontView.place(
        column: within(column, point % Self.points), row: within(row, point / Self.points))
      guard let colour = look.colour(at: place) else { continue }
      sum &+= colour
      hits += 1
    }
    pixels[index] = (sum &+ pixels[index] &* (count - hits) &+ count / 2) / count
  }
}

/// An object where it lies, ready to be asked point by point.
private struct Look {
  private let outline: ShapeOutline
  private let texture: TableTexture
  private let place: TablePoint
  private let cosine: Double, sine: Double
  private let halfWidth: Double, halfDepth: Double

  init(_ object: TableObject, size: Double) {
    (outline, texture) = (ShapeOutline(named: object.shape.name), TableTexture(named: object.texture))
    place = object.place
    let angle = Double(object.heading) * .pi / 180
    (cosine, sine) = (cos(angle), sin(angle))
    halfWidth = object.shape.width * object.scale * size / 2
    halfDepth = object.shape.depth * object.scale * size / 2
  }

  /// Its colour at a place of the table; nil beside it.
  func colour(at point: TablePoint) -> TableTexture.Colour? {
    let (x, y) = (point.side - place.side, point.forward - place.forward)
    let (u, v) = (x * cosine + y * sine, y * cosine - x * sine)
    guard let brightness = outline.brightness(u / halfWidth, v / halfDepth) else { return nil }
    return texture.colour(u, v) &* brightness / 100
  }
}
