// SPDX-License-Identifier: Apache-2.0
import Recipes
public import Evaluation
import Files
import Foundation
import MetricTokens
public import TokenData

/// Images of our own with referring expressions, for machines on which photographs are too much: coloured shapes on a
/// grainy background, described by how they look (as in RefCOCO+, where places must not be named) or where they are (as
/// most of RefCOCO does). Everything follows from the seed; a larger set begins with the smaller one.
public struct RenderedScenes: Sendable {
  /// Pixels of a side.
  public var side: Int
  /// Shapes of a scene, as far as there is room for them.
  public var shapes: ClosedRange<Int>
  /// Half the side of the least small and the least large shape, as a part of the image's.
  public var radii: (small: Double, large: Double)
  /// Seed of the scenes.
  public var seed: UInt64

  /// Three to six shapes.
  public init(side: Int = 224, seed: UInt64 = 0) {
    precondition(side >= 64, "scenes of \(side) pixels")
    (self.side, shapes, radii, self.seed) = (side, 3...6, (1 / 20, 1 / 9), seed)
  }

  /// One to four shapes, twice as large: what a small model learns to find within minutes.
  public static func plain(side: Int, seed: UInt64 = 0) -> RenderedScenes {
    var scenes = RenderedScenes(side: side, seed: seed)
    (scenes.shapes, scenes.radii) = (1...4, (1 / 10, 1 / 6))
    return scenes
  }

  /// All words of expressions, but for the article that each begins with.
  package static var words: [String] {
    SceneShape.Kind.allCases.map(\.rawValue) + SceneShape.Colour.allCases.map(\.rawValue)
      + SceneShape.Size.allCases.map(\.rawValue) + Scene.places.map(\.0) + ["one"]
  }

  /// A scene as an image and what is asked of it.
  public struct Rendering: Sendable {
    /// The image.
    public let image: PixelImage
    /// An expression by look and one by place, and the box of what they mean; at least one of the two where a scene may
    /// have a single shape.
    public let questions: [(expression: String, isByPlace: Bool, box: BoundingBox)]
  }

  /// The scene of an index.
  public func scene(_ index: Int) -> Rendering {
    var generator = CounterGenerator(seed, 0x7363_656E, UInt64(index))
    while true {
      let scene = draw(&generator)
      let named = scene.shapes.indices.map { (index: $0, words: scene.expressions(of: $0)) }
      let looks = named.filter { !$0.words.byLook.isEmpty }, places = named.filter { !$0.words.byPlace.isEmpty }
      // A shape alone cannot be told by its place; where there are always more, both are asked.
      let isEnough = shapes.lowerBound > 1 ? !looks.isEmpty && !places.isEmpty : !looks.isEmpty || !places.isEmpty
      guard isEnough else { continue }
      let look = looks.isEmpty ? nil : looks[generator.next(below: looks.count)]
      let place = places.isEmpty ? nil : places[generator.next(below: places.count)]
      func question(_ words: [String], _ index: Int, _ isByPlace: Bool) -> (String, Bool, BoundingBox) {
        (words[generator.next(below: words.count)], isByPlace, scene.shapes[index].box)
      }
      return Rendering(
        image: paint(scene, &generator),
        questions: [
          look.map { question($0.words.byLook, $0.index, false) },
          place.map { question($0.words.byPlace, $0.index, true) },
        ].compactMap { $0 })
    }
  }

  /// Writes scenes as `images/N.png`.
  ///
  /// - Parameters:
  ///   - indices: which scenes.
  ///   - split: what rows say they belong to.
  /// - Returns: the rows.
  /// - Throws: `InputError` if something cannot be written.
  public func write(
    _ indices: Range<Int>, split: String, to folder: String, progress: (Int) -> Void = { _ in }
  ) throws -> [ReferringRow] {
    try makeFolders(folder + "/pictures")
    var rows = [ReferringRow]()
    for index in indices {
      let scene = scene(index), path = "\(folder)/pictures/\(index).png"
      try scene.image.writePNG(to: path, isSynced: false)
      for question in scene.questions {
        rows.append(
          ReferringRow(
            id: "scene \(index) by \(question.isByPlace ? "place" : "look")", image: path, width: Double(side),
            height: Double(side), expression: question.expression, box: question.box, split: split))
      }
      progress(index + 1 - indices.lowerBound)
    }
    return rows
  }

  private func draw(_ generator: inout CounterGenerator) -> Scene {
    let count = shapes.lowerBound + generator.next(below: shapes.count)
    var placed = [SceneShape]()
    var tries = 0
    while placed.count < count, tries < 200 {
      tries += 1
      let size = SceneShape.Size.allCases[generator.next(below: 2)]
      let least = Int(Double(side) * (size == .small ? radii.small : radii.large))
      let radius = least + generator.next(below: max(1, least / 2))
      let room = side - 2 * radius - 2
      let shape = SceneShape(
        kind: .allCases[generator.next(below: SceneShape.Kind.allCases.count)],
        colour: .allCases[generator.next(below: SceneShape.Colour.allCases.count)], size: size,
        x: radius + 1 + generator.next(below: room), y: radius + 1 + generator.next(below: room), radius: radius)
      let isFree = placed.allSatisfy { other in
        abs(other.x - shape.x) > other.radius + radius + 2 || abs(other.y - shape.y) > other.radius + radius + 2
      }
      if isFree { placed.append(shape) }
    }
    return Scene(side: side, shapes: placed)
  }

  private func paint(_ scene: Scene, _ generator: inout CounterGenerator) -> PixelImage {
    let gray = 150 + generator.next(below: 90)
    var bytes = [UInt8](repeating: 0, count: 3 * side * side)
    for index in bytes.indices { bytes[index] = UInt8(clamping: gray + generator.next(below: 13) - 6) }
    for shape in scene.shapes {
      let (red, green, blue) = shape.colour.rgb
      for dy in -shape.radius...shape.radius {
        for dx in -shape.radius...shape.radius where shape.covers(dx, dy) {
          let start = 3 * ((shape.y + dy) * side + shape.x + dx), grain = generator.next(below: 17) - 8
          for (offset, value) in [red, green, blue].enumerated() {
            bytes[start + offset] = UInt8(clamping: Int(value) + grain)
          }
        }
      }
    }
    return PixelImage(width: side, height: side, channels: 3, bytes: bytes)
  }
}
