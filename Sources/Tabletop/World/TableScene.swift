// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Something on the table.
public struct TableObject: Sendable, Hashable, Codable {
  /// What kind of object it is.
  public var shape: Shape
  /// Name of its colour or pattern.
  public var texture: String
  /// Its size, in multiples of its shape's.
  public var scale: Double
  /// Its centre.
  public var place: TablePoint
  /// Degrees it is turned clockwise, 0 ..< 360.
  public var heading: Int
  /// The object it stands on, by its index; nil for the table.
  public var support: Int?

  init(_ shape: Shape, _ texture: String, at place: TablePoint, heading: Int = 0, scale: Double = 1) {
    (self.shape, self.texture, self.place, self.heading, self.scale) = (shape, texture, place, heading, scale)
  }

  /// `red and yellow polka dot letter T`
  public var name: String { "\(texture) \(shape.name)" }

  /// Half of what it covers to the side and forward, in metres, turned as it is.
  var reach: (side: Double, forward: Double) {
    let angle = Double(heading) * .pi / 180
    let (c, s) = (abs(cos(angle)), abs(sin(angle)))
    let (w, d) = (shape.width * scale / 2, shape.depth * scale / 2)
    return (w * c + d * s, w * s + d * c)
  }

  /// Whether a place is on it: within its turned rectangle.
  func covers(_ point: TablePoint) -> Bool {
    let angle = -Double(heading) * .pi / 180
    let (x, y) = (point.side - place.side, point.forward - place.forward)
    let (u, v) = (x * cos(angle) - y * sin(angle), x * sin(angle) + y * cos(angle))
    return abs(u) <= shape.width * scale / 2 + 1e-9 && abs(v) <= shape.depth * scale / 2 + 1e-9
  }

  /// The pixels that it covers seen from above, the outermost included.
  var edges: (left: Int, top: Int, right: Int, bottom: Int) {
    func pixel(_ value: Int, _ size: Int) -> Int { min(max(value, 0), size - 1) }
    return (
      pixel(FrontView.column(side: place.side - reach.side), FrontView.width),
      pixel(FrontView.row(forward: place.forward - reach.forward), FrontView.height),
      pixel(FrontView.column(side: place.side + reach.side), FrontView.width),
      pixel(FrontView.row(forward: place.forward + reach.forward), FrontView.height)
    )
  }

  /// The box around it in the image: whole pixels, seen from above.
  public var box: ImageBox {
    let (left, top, right, bottom) = edges
    return ImageBox(
      center: ImagePoint(
        x: Double((left + right) / 2) / Double(FrontView.width),
        y: Double((top + bottom) / 2) / Double(FrontView.height)),
      width: Double(right - left) / Double(FrontView.width), height: Double(bottom - top) / Double(FrontView.height))
  }

  /// As text speaks of it, its heading included.
  public var described: DescribedObject { DescribedObject(name, box, heading: wrapped(heading)) }
}

/// The table and what is on it. An object keeps its index.
public struct TableScene: Sendable, Hashable, Codable {
  /// What is on the table.
  public var objects: [TableObject]

  init(_ objects: [TableObject] = []) { self.objects = objects }

  /// All objects as text speaks of them.
  public var described: [DescribedObject] { objects.map(\.described) }

  /// How far two centres may be apart for one object to stand on the other.
  static let stackReach = 0.04

  /// Half the width of what the spatula takes along.
  static let sweepReach = 0.03

  /// Moves what an action moves. Kinematics without contact: nothing topples, slides or is pushed aside.
  ///
  /// The suction cup takes the topmost movable object at its start (of several the nearest), turns it about the point
  /// it holds, and drops it; on another movable object's centre it stays on top. The spatula carries every small block
  /// along its way to where it stops.
  ///
  /// - Returns: indices of what moved.
  @discardableResult
  public mutating func apply(_ action: ManipulationAction) -> [Int] {
    let start = FrontView.tablePoint(action.start), end = FrontView.tablePoint(action.end)
    return action.tool == .suction ? carry(start, end, action.rotation) : sweep(start, end)
  }

  private mutating func carry(_ start: TablePoint, _ end: TablePoint, _ rotation: Int) -> [Int] {
    let candidates = objects.indices.filter { objects[$0].shape.role == .movable && objects[$0].covers(start) }
    // An object with another on it stays.
    let free = candidates.filter { index in !objects.contains { $0.support == index } }
    guard
      let index = free.min(by: { objects[$0].place.distance(to: start) < objects[$1].place.distance(to: start) })
    else { return [] }
    let angle = Double(rotation) * .pi / 180, held = objects[index].place
    let (x, y) = (held.side - start.side, held.forward - start.forward)
    objects[index].place = TablePoint(
      forward: end.forward + x * sin(angle) + y * cos(angle), side: end.side + x * cos(angle) - y * sin(angle))
    objects[index].heading = (((objects[index].heading + rotation) % 360) + 360) % 360
    objects[index].support = top(at: objects[index].place, without: index)
    return [index]
  }

  /// The topmost movable object whose centre is here.
  private func top(at place: TablePoint, without other: Int) -> Int? {
    let near = objects.indices.filter {
      $0 != other && objects[$0].shape.role == .movable && objects[$0].place.distance(to: place) <= Self.stackReach
    }
    return near.max { level($0) < level($1) }
  }

  /// How many objects it stands on.
  func level(_ index: Int) -> Int {
    var level = 0, next = objects[index].support
    while let under = next, level < objects.count { (level, next) = (level + 1, objects[under].support) }
    return level
  }

  private mutating func sweep(_ start: TablePoint, _ end: TablePoint) -> [Int] {
    let length = start.distance(to: end)
    guard length > 1e-6 else { return [] }
    let (u, v) = ((end.side - start.side) / length, (end.forward - start.forward) / length)
    return objects.indices.filter { index in
      guard objects[index].shape.role == .swept else { return false }
      let (x, y) = (objects[index].place.side - start.side, objects[index].place.forward - start.forward)
      let (along, across) = (x * u + y * v, -x * v + y * u)
      guard abs(across) <= Self.sweepReach, along >= -Self.sweepReach, along <= length else { return false }
      objects[index].place = TablePoint(forward: end.forward + across * u, side: end.side - across * v)
      return true
    }
  }
}
