// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Testing
import TokenData

/// Against Pillow and torch: Tests/Fixtures/phi3vision/prepare.py.
@Suite struct HDTransformTests {
  private let arrays: SafetensorsFile

  init() throws { arrays = try SafetensorsFile(imageFixture("../phi3vision") + "/pictures.safetensors") }

  private func values<T>(_ name: String, as type: T.Type) throws -> [T] {
    try #require(arrays[name], "\(name)").withBytes { Array($0.bindMemory(to: T.self)) }
  }

  /// The rule by which prepare.py makes images.
  private func image(height: Int, width: Int) -> PixelImage {
    var bytes = [UInt8]()
    bytes.reserveCapacity(height * width * 3)
    for y in 0..<height {
      for x in 0..<width {
        let base = x * 7 + y * 13 + x * y % 31 + x / 5 % 2 * 90
        for channel in 0..<3 { bytes.append(UInt8(truncatingIfNeeded: base + channel * 50)) }
      }
    }
    return PixelImage(width: width, height: height, channels: 3, bytes: bytes)
  }

  @Test func equalsPillowAndTorch() throws {
    for index in 0..<25 {
      let c = try values("\(index).case", as: Int64.self).map(Int.init)
      let transform = HDTransform(side: c[1], crops: c[0], tokenSide: c[2])
      let grid = try transform.grid(height: c[3], width: c[4], path: "p")
      #expect([transform.tokens(of: grid), grid.rows, grid.columns] == Array(c[5...]), "case \(c)")
      let prepared = try transform.prepare(image(height: c[3], width: c[4]), path: "p")
      #expect(prepared.grid == grid && prepared.height == c[1] && prepared.width == c[1])
      let own: [Float], wanted: [Float]
      if arrays["\(index).values"] != nil {
        (own, wanted) = (prepared.values, try values("\(index).values", as: Float.self))
      } else {
        own = try values("\(index).places", as: Int64.self).map { prepared.values[Int($0)] }
        wanted = try values("\(index).at", as: Float.self)
      }
      let worst = zip(own, wanted).map { abs($0 - $1) }.max() ?? .infinity
      #expect(own.count == wanted.count, "case \(c): \(worst)")
      #expect(worst <= 1e-5, "case \(c): \(worst)")
    }
  }

  /// What is left of a line two pixels high would have no height.
  @Test func longThinImagesAreRefused() throws {
    let transform = HDTransform(side: 336, crops: 4, tokenSide: 12)
    #expect(try transform.grid(height: 1, width: 1344, path: "p") == .init(rows: 1, columns: 4))
    #expect(try transform.grid(height: 1344, width: 1, path: "p") == .init(rows: 4, columns: 1))
    expectRefusal("line.png", "at most 1344 times as long", "1 x 3000") {
      _ = try transform.grid(height: 3000, width: 1, path: "line.png")
    }
  }

  @Test func readsTheProcessorsConfiguration() throws {
    func read(_ json: String) throws -> HDTransform {
      try HDTransform(JSONReader(JSON(parsing: json, path: "p.json"), path: "p.json"), side: 336)
    }
    let published = #"{"image_processor_type": "Phi3VImageProcessor", "num_img_tokens": 144, "num_crops": 4, "#
    let transform = try read(
      published + #""image_mean": [0.5, 0.25, 0.125], "image_std": [1, 2, 4], "processor_class": "Phi3VProcessor"}"#)
    #expect(
      transform == HDTransform(side: 336, crops: 4, tokenSide: 12, mean: [0.5, 0.25, 0.125], deviation: [1, 2, 4]))
    #expect(try read(#"{"image_processor_type": "Phi3VImageProcessor"}"#).crops == 1)
    expectRefusal("p.json", "image_processor_type", "Phi3VImageProcessor") {
      _ = try read(#"{"image_processor_type": "CLIPImageProcessor"}"#)
    }
    expectRefusal("p.json", "image_processor_type") { _ = try read("{}") }
    expectRefusal("num_crops", "1 ... 64") {
      _ = try read(#"{"image_processor_type": "Phi3VImageProcessor", "num_crops": 0}"#)
    }
    expectRefusal("num_img_tokens", "a square") { _ = try read(published.replacing("144", with: "143") + #""x": 1}"#) }
    expectRefusal("do_normalize", "true") { _ = try read(published + #""do_normalize": false}"#) }
    expectRefusal("image_std") { _ = try read(published + #""image_std": [1, 0, 1]}"#) }
    // LLaVA's preparation does not take it for its own.
    expectRefusal("CLIPImageProcessor") {
      _ = try ImagePreparation(JSONReader(JSON(parsing: published + #""x": 1}"#, path: "p.json"), path: "p.json"))
    }
  }
}
