// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Tabletop
import Testing

/// What images of the table show.
@Suite struct TableImageTests {
  /// Pixels that an object covers, by Pillow: `Tests/Fixtures/tabletop/make_images.py`.
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let shape: String
    let width: Double, depth: Double, scale: Double, side: Double, forward: Double
    let heading: Int, left: Int, top: Int, columns: Int
    let coverage: [Double]
    var testDescription: String { "\(shape) turned \(heading)" }
  }
  static let cases = try! JSONDecoder().decode(
    [Case].self,
    from: Data(
      contentsOf: URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Fixtures/tabletop/pictures.json").standardized))

  /// A table with objects of our own making.
  private func scene(_ objects: JSON...) throws -> TableScene {
    try JSONDecoder().decode(TableScene.self, from: Data((["objects": .array(objects)] as JSON).text().utf8))
  }

  private func object(
    _ shape: String, _ texture: String, width: Double = 0.1, depth: Double = 0.1, scale: Double = 1,
    side: Double = 0, forward: Double = 0.5, heading: Int = 0
  ) -> JSON {
    [
      "shape": [
        "name": .string(shape), "width": .double(width), "depth": .double(depth), "role": "movable",
        "profile": "other",
      ],
      "texture": .string(texture), "scale": .double(scale),
      "place": ["forward": .double(forward), "side": .double(side)], "heading": .int(heading),
    ]
  }

  private func pixel(_ pixels: [UInt8], _ row: Int, _ column: Int) -> [Int] {
    pixels[3 * (row * FrontView.width + column)..<3 * (row * FrontView.width + column) + 3].map(Int.init)
  }

  /// Our edges are means of 16 points: one of Pillow's pixels may differ by some of these, the sum by little.
  @Test(arguments: cases) func outlinesAreThoseOfPillow(_ expected: Case) throws {
    let pixels = try scene(
      object(
        expected.shape, "red", width: expected.width, depth: expected.depth, scale: expected.scale,
        side: expected.side, forward: expected.forward, heading: expected.heading)
    ).pixels
    var sum = 0.0, worst = 0.0, outside = 0
    let rows = expected.coverage.count / expected.columns
    for row in 0..<FrontView.height {
      for column in 0..<FrontView.width {
        let here = pixel(pixels, row, column), (y, x) = (row - expected.top, column - expected.left)
        guard (0..<rows).contains(y), (0..<expected.columns).contains(x) else {
          if here[0] != 47, here[0] != 238 { outside += 1 }
          continue
        }
        // Red over the table: 47 to 255, 87 and 89.
        let covered = Double(here[0] - 47) / 208
        worst = max(worst, abs(covered - expected.coverage[y * expected.columns + x]))
        sum += covered
        #expect(abs(Double(here[1] - 47) / 40 - covered) < 0.02)
      }
    }
    let wanted = expected.coverage.reduce(0, +)
    #expect(abs(sum - wanted) < 0.025 * wanted, "\(sum) for \(wanted)")
    #expect(worst < 0.2, "\(worst), \(outside) outside")
    #expect(outside == 0, "\(worst), \(outside) outside")
  }

  /// Whatever an object is made of can be told from whatever else it might be made of.
  @Test func texturesDiffer() throws {
    let names = Catalog.textures + ["red", "yellow", "green", "blue", "purple", "red swirl"].map { "dark \($0)" }
    let images = try names.map { try scene(object("shorter block", $0)).pixels }
    for first in names.indices {
      for second in 0..<first {
        let difference = zip(images[first], images[second]).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }
        // 25 x 18 pixels of three values each.
        #expect(Double(difference) / 1350 > 12, "\(names[first]) and \(names[second])")
      }
    }
    #expect(pixel(images[0], 78, 128) == [255, 87, 89])
    #expect(pixel(images[names.firstIndex(of: "dark red")!], 78, 128) == [140, 47, 48])
  }

  @Test func shapesDifferAndShowHowTheyAreTurned() throws {
    let shapes = (Catalog.movables + Catalog.containers).map(\.name)
    let images = try shapes.map { try scene(object($0, "green", width: 0.16, depth: 0.16)).pixels }
    // The shorter block is told from the block by its edge.
    #expect(Set(images).count == shapes.count)
    for shape in shapes where !["ring", "flower", "bowl", "shorter block"].contains(shape) {
      let turned = try scene(object(shape, "green", width: 0.16, depth: 0.16, heading: 45)).pixels
      #expect(turned != images[shapes.firstIndex(of: shape)!], "\(shape)")
    }
    // Clockwise: the tip of a triangle comes to the right.
    let right = try scene(object("triangle", "red", heading: 90)).pixels
    #expect(pixel(right, 78, 137)[0] > 200 && pixel(right, 71, 137)[0] < 100 && pixel(right, 85, 137)[0] < 100)
    #expect(pixel(right, 71, 118)[0] > 200 && pixel(right, 85, 118)[0] > 200)
  }

  /// In every scene of an episode every object is to be seen, within its box, however things are put into each other;
  /// only what stands on it may hide it.
  @Test(arguments: TaskKind.allCases) func objectsAreSeenWhereTheirBoxesAre(kind: TaskKind) {
    for seed in 0..<6 {
      for scene in Episode(kind, .combination, seed: seed).scenes {
        #expect(scene.pixels.count == 128 * 256 * 3)
        for index in scene.objects.indices {
          let object = scene.objects[index], seen = visible(index, in: scene)
          // The centre is in whole pixels, so a border may be half a pixel further out.
          var box = object.box
          (box.width, box.height) = (box.width + 1.0 / 256, box.height + 1.0 / 128)
          let isWithin = seen.allSatisfy { box.contains($0) }
          #expect(isWithin, "\(object.name)")
          let least = scene.objects.contains { $0.support == index } ? 5 : 12
          #expect(seen.count >= least, "\(kind) \(seed) \(object.name): \(seen.count)")
        }
      }
    }
  }

  /// Pixels that change where an object is made of something else.
  private func visible(_ index: Int, in scene: TableScene) -> [ImagePoint] {
    var other = scene
    other.objects[index].texture = scene.objects[index].texture.contains("green") ? "red" : "green"
    let (before, after) = (scene.pixels, other.pixels)
    var points = [ImagePoint]()
    for row in 0..<FrontView.height {
      for column in 0..<FrontView.width where pixel(before, row, column) != pixel(after, row, column) {
        points.append(
          ImagePoint(x: Double(column) / Double(FrontView.width), y: Double(row) / Double(FrontView.height)))
      }
    }
    return points
  }

  /// FNV-1a over the pixels of one episode of each kind, all of its steps: another image is another experiment.
  @Test func imagesFollowFromTheSceneAlone() {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for kind in TaskKind.allCases {
      for scene in Episode(kind, .train, seed: 1).scenes {
        #expect(scene.pixels == scene.pixels)
        for value in scene.pixels { hash = (hash ^ UInt64(value)) &* 0x100_0000_01b3 }
      }
    }
    #expect(hash == 4_845_482_467_422_673_387, "\(hash)")
  }

  @Test func scenesFollowTheOracle() {
    for kind in TaskKind.allCases {
      let episode = Episode(kind, .placement, seed: 2), scenes = episode.scenes
      #expect(scenes.count == episode.oracle.count + 1 && scenes[0] == episode.scene)
      #expect(zip(scenes, scenes.dropFirst()).allSatisfy { $0.pixels != $1.pixels })
    }
  }
}
