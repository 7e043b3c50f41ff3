// SPDX-License-Identifier: Apache-2.0
import MetricTokens

/// Tasks that turn, move and stack.
extension EpisodeBuilder {
  private static let angles = [30, 60, 90, 120, 150]

  mutating func rotate() throws(NoRoom) -> Plan {
    let dragged = try movable(.subject), angle = pick(Self.angles)
    _ = try movable(.other)
    return Plan(
      task: TaskPrompt("Rotate the {dragged_obj} \(angle) degrees.", ["dragged_obj": portrait(dragged)]),
      stages: [Stage(turnedInPlace(dragged, by: angle))], moves: [turn(dragged, by: angle)])
  }

  /// The angle is that between the images of three pairs.
  mutating func twist() throws(NoRoom) -> Plan {
    let angle = pick(Self.angles)
    let shape = pick(Catalog.movables)
    let texture = try texture(shape, .subject)
    var twisted = [add(TableObject(shape, texture, at: try freePlace(shape.width * 0.75), heading: heading()))]
    for _ in 0..<generator.next(below: 3) {
      let next = pick(Catalog.movables)
      // All of one texture.
      _ = try self.texture(next, .subject, among: [texture])
      twisted.append(add(TableObject(next, texture, at: try freePlace(next.width * 0.75), heading: heading())))
    }
    let other = try movable(.other)
    guard objects[other].texture != texture else { throw NoRoom() }
    var assets = [String: TaskPrompt.Asset](), examples = [String]()
    for number in 1...3 {
      let shown = pick(Catalog.movables)
      var object = TableObject(
        shown, pick(Catalog.textures.filter { $0 != texture }),
        at: TablePoint(forward: uniform(0.35...0.65), side: uniform(-0.4...0.4)), heading: heading())
      assets["before_twist_\(number)"] = image([object])
      object.heading = (object.heading + angle) % 360
      assets["after_twist_\(number)"] = image([object])
      examples.append("From {before_twist_\(number)} to {after_twist_\(number)}.")
    }
    return Plan(
      task: TaskPrompt(
        "\"Twist\" is defined as rotating object a specific angle. For examples: \(examples.joined(separator: " ")) "
          + "Now twist all \(texture) objects.", assets),
      stages: [
        Stage(
          twisted.flatMap { turnedInPlace($0, by: angle) },
          [.at(other, objects[other].place), .heading(other, objects[other].heading)])
      ],
      moves: twisted.map { turn($0, by: angle) })
  }

  private func turn(_ object: Int, by angle: Int) -> Plan.Move {
    Plan.Move(object: object, target: objects[object].place, rotation: angle)
  }

  private func turnedInPlace(_ object: Int, by angle: Int) -> [Goal] {
    [.heading(object, (objects[object].heading + angle) % 360), .at(object, objects[object].place)]
  }

  /// One to three objects to the places and headings of an image, and with `restores` back again.
  mutating func rearrange(restores: Bool) throws(NoRoom) -> Plan {
    let count = 1 + generator.next(below: 3)
    let moved = try (0..<count).map { _ throws(NoRoom) in try movable(.subject) }
    var targets = [(place: TablePoint, radius: Double)](), shown = [TableObject]()
    for object in moved {
      let radius = objects[object].shape.width * 0.75
      var image = objects[object]
      image.place = try freePlace(radius, targets)
      image.heading = heading()
      targets.append((image.place, radius))
      shown.append(image)
    }
    func stage(_ images: [TableObject]) -> Stage {
      Stage(zip(moved, images).flatMap { [.at($0, $1.place), .heading($0, $1.heading)] })
    }
    func moves(_ from: [TableObject], _ to: [TableObject]) -> [Plan.Move] {
      zip(moved, zip(from, to)).map { object, way in
        Plan.Move(object: object, target: way.1.place, rotation: way.1.heading - way.0.heading)
      }
    }
    let original = moved.map { objects[$0] }
    let text = restores ? "Rearrange objects to this setup {scene} and then restore." : "Rearrange to this {scene}."
    return Plan(
      task: TaskPrompt(text, ["scene": image(shown)]),
      stages: [stage(shown)] + (restores ? [stage(original)] : []),
      moves: moves(original, shown) + (restores ? moves(shown, original) : []))
  }

  /// Three objects in a row; two images show one of them on another, then another step.
  mutating func followOrder() throws(NoRoom) -> Plan {
    let shape = pick(Catalog.movables)
    var row = [Int]()
    for cell in 0..<3 {
      let place = TablePoint(forward: 0.45, side: -0.25 + 0.25 * Double(cell))
      row.append(add(TableObject(shape, try texture(shape, .subject), at: place)))
    }
    _ = try movable(.other, Catalog.movables.filter { $0.name != shape.name })
    let order = generator.draw(3, of: 3).map { row[$0] }
    // First b onto a; then c onto the stack, or b back to where it was.
    let (a, b, c) = (order[0], order[1], order[2])
    let goesBack = generator.next(below: 2) == 0
    var first = objects, second = objects
    first[b].place = objects[a].place
    second[b].place = goesBack ? objects[b].place : objects[a].place
    if !goesBack { second[c].place = objects[a].place }
    func frame(_ table: [TableObject]) -> TaskPrompt.Asset { image(row.map { table[$0] }) }
    let last: [Goal] = goesBack ? [.at(b, objects[b].place)] : [.on(c, b)]
    return Plan(
      task: TaskPrompt(
        "Stack objects in this order {frame_0} {frame_1} {frame_2}.",
        ["frame_0": frame(objects), "frame_1": frame(first), "frame_2": frame(second)]),
      stages: [Stage([.on(b, a)], [.at(c, objects[c].place)]), Stage(last, goesBack ? [] : [.on(b, a)])],
      moves: [
        Plan.Move(object: b, target: objects[a].place),
        goesBack ? Plan.Move(object: b, target: objects[b].place) : Plan.Move(object: c, target: objects[a].place),
      ])
  }

  /// Small blocks of two textures, a rectangle open towards them, and a line within it.
  mutating func sweep() throws(NoRoom) -> Plan {
    let bounds = add(TableObject(Catalog.bounds, pick(Catalog.textures), at: TablePoint(forward: 0.4, side: 0)))
    let line = add(
      TableObject(Catalog.line, pick(Catalog.textures), at: TablePoint(forward: uniform(0.33...0.43), side: 0)))
    let wanted = try texture(Catalog.smallBlock, .subject), other = try texture(Catalog.smallBlock, .other)
    let blocks = try smallBlocks(wanted), others = try smallBlocks(other)
    let amounts: [(String, ClosedRange<Int>, Int)] =
      [
        ("any", 1...blocks.count, 1), ("one", 1...1, 1), ("all", blocks.count...blocks.count, blocks.count),
      ] + (blocks.count >= 2 ? [("two", 2...2, 2)] : [])
    let (word, count, number) = pick(amounts)
    let stop = (objects[line].place.forward + 0.53) / 2
    var portrait = TableObject(Catalog.smallBlock, wanted, at: Self.middle)
    portrait.heading = 0
    return Plan(
      task: TaskPrompt(
        "Sweep \(word) {swept_obj} into {bounds} without exceeding {constraint}.",
        [
          "swept_obj": .object(portrait.described), "bounds": self.portrait(bounds), "constraint": self.portrait(line),
        ]),
      stages: [
        Stage(
          [.swept(blocks, count: count, bounds: bounds)],
          [.swept(others, count: 0...0, bounds: bounds), .behind(blocks, line: line)])
      ],
      moves: blocks.prefix(number).enumerated().map { index, block in
        Plan.Move(
          object: block, target: TablePoint(forward: stop, side: 0.06 * Double(index) - 0.03 * Double(number - 1)))
      })
  }

  /// One to three small blocks on the open side.
  private mutating func smallBlocks(_ texture: String) throws(NoRoom) -> [Int] {
    var found = [Int]()
    for _ in 0..<1 + generator.next(below: 3) {
      var place: TablePoint?
      for _ in 0..<50 where place == nil {
        let next = TablePoint(forward: uniform(0.6...0.73), side: uniform(-0.2...0.2))
        if objects.allSatisfy({ $0.shape.role != .swept || $0.place.distance(to: next) > 0.05 }) { place = next }
      }
      guard let place else { throw NoRoom() }
      found.append(add(TableObject(Catalog.smallBlock, texture, at: place)))
    }
    return found
  }
}
