// SPDX-License-Identifier: Apache-2.0
import MetricTokens

/// Tasks that put one thing into another.
extension EpisodeBuilder {
  /// A move into a container, unturned. (VIMABench's oracle turns objects here by angles that the task does not speak
  /// of.)
  private func put(_ object: Int, into container: Int) -> Plan.Move {
    Plan.Move(object: object, target: objects[container].place)
  }

  mutating func visualManipulation() throws(NoRoom) -> Plan {
    let base = try container(.subject), dragged = try movable(.subject)
    for _ in 0..<1 + generator.next(below: 2) { _ = try movable(.other) }
    return Plan(
      task: TaskPrompt(
        "Put the {dragged_obj_1} into the {base_obj}.",
        ["dragged_obj_1": portrait(dragged), "base_obj": portrait(base)]),
      stages: [Stage([.inside(dragged, container: base)])], moves: [put(dragged, into: base)])
  }

  /// The object is named by its texture and an image; the container by its texture alone.
  mutating func sceneUnderstanding() throws(NoRoom) -> Plan {
    let base = try container(.subject), dragged = try movable(.subject)
    let (texture, baseTexture) = (objects[dragged].texture, objects[base].texture)
    guard texture != baseTexture else { throw NoRoom() }
    let other = try movable(.other)
    guard ![texture, baseTexture].contains(objects[other].texture) else { throw NoRoom() }
    var shown = [objects[dragged], objects[other]]
    let places = try [freePlace(0.07), freePlace(0.07)]
    guard places[0].distance(to: places[1]) > 0.14 else { throw NoRoom() }
    for index in shown.indices { (shown[index].place, shown[index].heading) = (places[index], heading()) }
    return Plan(
      task: TaskPrompt(
        "Put the \(texture) object in {scene} into the \(baseTexture) object.", ["scene": image(shown)]),
      stages: [Stage([.inside(dragged, container: base)])], moves: [put(dragged, into: base)])
  }

  /// Made-up nouns for things that are shown in gray.
  mutating func novelNoun() throws(NoRoom) -> Plan {
    let base = try container(.subject), dragged = try movable(.subject)
    let own = objects[dragged].shape
    _ = try movable(.other, Catalog.movables.filter { $0.name != own.name })
    let nouns = generator.draw(2, of: 5).map { ["dax", "blicket", "wug", "zup", "toma"][$0] }
    let first = "This is a \(nouns[0]) {dragged_obj_1}.", second = "This is a \(nouns[1]) {base_obj}."
    let order = generator.next(below: 2) == 0 ? [first, second] : [second, first]
    return Plan(
      task: TaskPrompt(
        "\(order[0]) \(order[1]) Put a \(nouns[0]) into a \(nouns[1]).",
        ["dragged_obj_1": portrait(dragged, texture: "gray"), "base_obj": portrait(base, texture: "gray")]),
      stages: [Stage([.inside(dragged, container: base)])], moves: [put(dragged, into: base)])
  }

  /// A made-up adjective that three pairs explain: larger or smaller, darker or lighter.
  mutating func novelAdjective() throws(NoRoom) -> Plan {
    let adjective = pick(["kobar", "blicker", "modier", "daxer"])
    let isSize = generator.next(below: 2) == 0, meansMore = generator.next(below: 2) == 0
    let asksLess = generator.next(below: 3) == 0
    /// The same object twice, the one with more of it first.
    func pair(_ shape: Shape, _ texture: String) -> [TableObject] {
      let object = TableObject(shape, texture, at: Self.middle)
      var more = object, less = object
      if isSize { (more.scale, less.scale) = (1.2, 0.7) } else { more.texture = "dark \(texture)" }
      return meansMore ? [more, less] : [less, more]
    }
    let textures = isSize ? Catalog.textures : Catalog.shaded
    var assets = [String: TaskPrompt.Asset]()
    for number in 1...3 {
      let shape = pick(Catalog.movables)
      let shown = pair(shape, try texture(shape, .other, among: textures))
      assets["demo_blicker_obj_\(number)"] = .object(shown[0].described)
      assets["demo_less_blicker_obj_\(number)"] = .object(shown[1].described)
    }
    let base = try container(.subject)
    let shape = pick(Catalog.movables)
    var candidates = pair(shape, try texture(shape, .subject, among: textures))
    if asksLess { candidates.reverse() }
    for index in candidates.indices {
      candidates[index].place = try freePlace(shape.width * candidates[index].scale * 0.75)
      candidates[index].heading = heading()
      _ = add(candidates[index])
    }
    let wanted = objects.count - 2, other = objects.count - 1
    assets["dragged_obj"] = portrait(wanted, texture: "gray")
    assets["base_obj"] = portrait(base, texture: "gray")
    let demos = (1...3).map { "{demo_blicker_obj_\($0)} is \(adjective) than {demo_less_blicker_obj_\($0)}." }
    let ask = "Put the \(asksLess ? "less " : "")\(adjective) {dragged_obj} into the {base_obj}."
    return Plan(
      task: TaskPrompt((demos + [ask]).joined(separator: " "), assets),
      stages: [Stage([.inside(wanted, container: base)], [.outside(other, container: base)])],
      moves: [put(wanted, into: base)])
  }

  mutating func sameShape() throws(NoRoom) -> Plan {
    let base = try container(.subject), profile = objects[base].shape.profile
    let alike = Catalog.movables.filter { $0.profile == profile }
    let wanted = try (0..<1 + generator.next(below: 3)).map { _ throws(NoRoom) in try movable(.subject, alike) }
    let other = try movable(.other, Catalog.movables.filter { $0.profile != profile })
    return Plan(
      task: TaskPrompt("Put all objects with the same profile as {base_obj} into it.", ["base_obj": portrait(base)]),
      stages: [
        Stage(wanted.map { .inside($0, container: base) }, [.outside(other, container: base)])
      ],
      moves: wanted.enumerated().map { number, object in
        // Beside each other, so that none comes to stand on another.
        var move = Plan.Move(object: object, target: objects[base].place, rotation: 0)
        move.target.side += 0.05 * (Double(number) - Double(wanted.count - 1) / 2)
        return move
      })
  }

  /// Five objects on a grid of three rows and two columns, a container beside it.
  mutating func oldNeighbor() throws(NoRoom) -> Plan {
    let cells = generator.draw(5, of: 6)
    var indices = [Int: Int]()
    let direction = pick(["north", "south", "west", "east"])
    let pairs = cells.compactMap { cell in Self.neighbor(of: cell, direction).map { (cell, $0) } }
      .filter { cells.contains($0.1) }
    guard !pairs.isEmpty else { throw NoRoom() }
    let (from, to) = pick(pairs)
    for cell in cells {
      let shape = pick(Catalog.movables)
      let texture = try texture(shape, cell == from ? .subject : .other)
      let place = TablePoint(forward: 0.345 + 0.124 * Double(cell / 2), side: cell.isMultiple(of: 2) ? -0.25 : 0)
      indices[cell] = add(TableObject(shape, texture, at: place))
    }
    let shape = pick(Catalog.containers)
    let base = add(TableObject(shape, try texture(shape, .subject), at: TablePoint(forward: 0.5, side: 0.25)))
    guard let dragged = indices[from], let neighbor = indices[to] else { throw NoRoom() }
    var moves = [put(dragged, into: base), put(neighbor, into: base)]
    (moves[0].target.side, moves[1].target.side) = (0.225, 0.275)
    return Plan(
      task: TaskPrompt(
        "First put {dragged_obj} into {base_obj} then put the object that was previously at its \(direction) into the "
          + "same {base_obj}.", ["dragged_obj": portrait(dragged), "base_obj": portrait(base)]),
      stages: [
        Stage([.inside(dragged, container: base)], [.outside(neighbor, container: base)]),
        Stage([.inside(neighbor, container: base)], [.inside(dragged, container: base)]),
      ], moves: moves)
  }

  private static func neighbor(of cell: Int, _ direction: String) -> Int? {
    let (row, column) = (cell / 2, cell % 2)
    let (r, c) =
      switch direction {
      case "north": (row - 1, column)
      case "south": (row + 1, column)
      case "west": (row, column - 1)
      default: (row, column + 1)
      }
    return (0..<3).contains(r) && (0..<2).contains(c) ? 2 * r + c : nil
  }

  /// Six containers of one shape, an object in one of them.
  mutating func pickInOrder() throws(NoRoom) -> Plan {
    let shape = pick(Catalog.containers)
    var bases = [Int]()
    let order = generator.draw(6, of: 6)
    for (number, cell) in order.enumerated() {
      let place = TablePoint(forward: cell < 3 ? 0.36 : 0.62, side: -0.25 + 0.25 * Double(cell % 3))
      bases.append(add(TableObject(shape, try texture(shape, number < 2 ? .subject : .other), at: place)))
    }
    let own = pick(Catalog.movables)
    let dragged = add(TableObject(own, try texture(own, .subject), at: objects[bases[2]].place))
    let route = [bases[0], bases[1], bases[2]]
    return Plan(
      task: TaskPrompt(
        "Put {dragged_obj} into {base_obj_1} then {base_obj_2}. Finally restore it into its original container.",
        ["dragged_obj": portrait(dragged), "base_obj_1": portrait(bases[0]), "base_obj_2": portrait(bases[1])]),
      stages: route.map { Stage([.inside(dragged, container: $0)]) },
      moves: route.map { put(dragged, into: $0) })
  }
}
