// SPDX-License-Identifier: Apache-2.0
import MetricTokens

/// A task as it was thought out: its words, what is to be reached, and the moves that reach it.
struct Plan {
  var task: TaskPrompt
  var stages: [Stage]
  var moves: [Move]

  /// An object, where it shall go, and how far it is turned (degrees clockwise).
  struct Move {
    var object: Int
    var target: TablePoint
    var rotation = 0
  }
}

/// There was no room for another object, or no object left to draw.
struct NoRoom: Error {}

/// Draws objects and puts them on the table without overlap.
struct EpisodeBuilder {
  var generator: CounterGenerator
  let split: EpisodeSplit
  var objects: [TableObject] = []
  private var names = Set<String>()

  init(_ generator: CounterGenerator, _ split: EpisodeSplit) { (self.generator, self.split) = (generator, split) }

  // MARK: Drawing

  mutating func pick<T>(_ choices: [T]) -> T { choices[generator.next(below: choices.count)] }

  mutating func uniform(_ range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * Double(generator.next() >> 11) * 0x1p-53
  }

  mutating func heading() -> Int { generator.next(below: 360) }

  /// Role of an object, which decides what pairs of texture and shape it may be.
  enum Part {
    /// The task is about it: at L2 a pair that training never has.
    case subject
    /// It is there beside: a pair that training has.
    case other
  }

  /// A texture for a shape whose name is not on the table yet.
  ///
  /// - Throws: `NoRoom` if none is left.
  mutating func texture(
    _ shape: Shape, _ part: Part, among textures: [String] = Catalog.textures
  ) throws(NoRoom) -> String {
    let wantsHeldOut = split == .combination && part == .subject
    let left = textures.filter {
      Catalog.isHeldOut($0, shape) == wantsHeldOut && !names.contains("\($0) \(shape.name)")
    }
    guard !left.isEmpty else { throw NoRoom() }
    let texture = pick(left)
    names.insert("\(texture) \(shape.name)")
    return texture
  }

  // MARK: Placing

  /// Puts an object on the table. Returns its index.
  mutating func add(_ object: TableObject) -> Int {
    objects.append(object)
    return objects.count - 1
  }

  /// A movable object of its own name at a free place.
  mutating func movable(
    _ part: Part, _ shapes: [Shape] = Catalog.movables
  ) throws(NoRoom) -> Int {
    let shape = pick(shapes)
    let texture = try texture(shape, part)
    return add(
      TableObject(shape, texture, at: try freePlace(shape.width * 0.75), heading: heading()))
  }

  /// A container at a free place.
  mutating func container(_ part: Part, _ shapes: [Shape] = Catalog.containers) throws(NoRoom) -> Int {
    let shape = pick(shapes)
    let texture = try texture(shape, part)
    return add(TableObject(shape, texture, at: try freePlace(shape.width * 0.75)))
  }

  /// A place whose circle meets no other object's.
  ///
  /// - Parameters:
  ///   - radius: of the circle, in metres.
  ///   - others: further places to keep away from, with their radii.
  /// - Throws: `NoRoom` after a hundred tries.
  mutating func freePlace(
    _ radius: Double, _ others: [(place: TablePoint, radius: Double)] = []
  ) throws(NoRoom) -> TablePoint {
    let taken = objects.map { (place: $0.place, radius: $0.shape.width * $0.scale * 0.75) } + others
    for _ in 0..<100 {
      let place = TablePoint(
        forward: uniform(0.25 + radius...0.75 - radius), side: uniform(-0.5 + radius...0.5 - radius))
      if taken.allSatisfy({ $0.place.distance(to: place) > $0.radius + radius }) { return place }
    }
    throw NoRoom()
  }

  // MARK: Assets

  /// Where objects are shown that a prompt points at, alone and unturned.
  static let middle = TablePoint(forward: 0.5, side: 0)

  /// An image of one object alone, in its own texture or another.
  func portrait(_ index: Int, texture: String? = nil) -> TaskPrompt.Asset {
    var object = objects[index]
    (object.place, object.heading) = (Self.middle, 0)
    object.texture = texture ?? object.texture
    return .object(object.described)
  }

  /// An image of several objects.
  func image(_ objects: [TableObject]) -> TaskPrompt.Asset { .scene(objects.map(\.described)) }

  /// The plan of a kind of task; puts its objects on the table.
  mutating func plan(_ kind: TaskKind) throws(NoRoom) -> Plan {
    switch kind {
    case .visualManipulation: try visualManipulation()
    case .sceneUnderstanding: try sceneUnderstanding()
    case .rotate: try rotate()
    case .rearrange: try rearrange(restores: false)
    case .rearrangeThenRestore: try rearrange(restores: true)
    case .novelAdjective: try novelAdjective()
    case .novelNoun: try novelNoun()
    case .twist: try twist()
    case .followOrder: try followOrder()
    case .sweep: try sweep()
    case .sameShape: try sameShape()
    case .oldNeighbor: try oldNeighbor()
    case .pickInOrder: try pickInOrder()
    }
  }
}
