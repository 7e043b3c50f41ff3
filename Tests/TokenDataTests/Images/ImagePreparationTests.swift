// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import MetricTokens
import Testing
import TokenData

/// Against Pillow and transformers: Tests/Fixtures/vision/prepare.py.
@Suite struct ImagePreparationTests {
  private let cases: JSONReader, arrays: SafetensorsFile

  init() throws {
    let folder = imageFixture("../vision")
    cases = try JSONReader(file: folder + "/cases.json")
    arrays = try SafetensorsFile(folder + "/pictures.safetensors")
  }

  private func bytes(_ name: String) throws -> (shape: [Int], values: [UInt8]) {
    let stored = try #require(arrays[name], "\(name)")
    return (stored.shape, stored.withBytes { Array($0) })
  }

  private func image(_ name: String) throws -> PixelImage {
    let (shape, values) = try bytes(name)
    return PixelImage(width: shape[1], height: shape[0], channels: 3, bytes: values)
  }

  private func floats(_ name: String) throws -> [Float] {
    let stored = try #require(arrays[name], "\(name)")
    return stored.withBytes { Array($0.bindMemory(to: Float.self)) }
  }

  @Test func resizingEqualsPillow() throws {
    let resizes = try cases.at("resizes").elements()
    #expect(resizes.count == 8)
    for (index, size) in resizes.enumerated() {
      let image = try image("resize.\(index)")
      let (height, width) = (try size.int(at: "height"), try size.int(at: "width"))
      for (name, filter) in [("bilinear", PixelImage.ResamplingFilter.bilinear), ("bicubic", .bicubic)] {
        let resized = image.resized(width: width, height: height, filter: filter)
        #expect(resized.bytes == (try bytes("resize.\(index).\(name)").values), "case \(index), \(name)")
      }
    }
  }

  @Test func preparationEqualsTransformers() throws {
    let preparations = try cases.at("preparations").elements()
    #expect(preparations.count == 5)
    for (index, preparation) in preparations.enumerated() {
      let own = try ImagePreparation(preparation.at("config"))
      // What is written reads back as the same.
      #expect(try ImagePreparation(JSONReader(own.json, path: "own")).json == own.json)
      for name in try preparation.at("cases").elements().map({ try $0.string() }) {
        let prepared = try own.prepare(image(name), path: name)
        #expect([3, prepared.height, prepared.width] == arrays[name + ".values"]?.shape)
        let wanted = try floats(name + ".values")
        let worst = zip(prepared.values, wanted).map { abs($0 - $1) }.max() ?? .infinity
        #expect(prepared.values.count == wanted.count, "configuration \(index), \(name): \(worst)")
        #expect(worst <= 1e-6, "configuration \(index), \(name): \(worst)")
      }
    }
  }

  /// Neither the image's square nor its resized whole would fit in memory.
  @Test func longThinImagesTakeLittleMemory() throws {
    let line = PixelImage(width: 20_000, height: 1, channels: 3, bytes: [UInt8](repeating: 200, count: 60_000))
    let prepared = try ImagePreparation(side: 336).prepare(line, path: "line.png")
    let expected =
      (Float(200.0 / 255) - Float(ImagePreparation.clip.mean[0])) / Float(ImagePreparation.clip.deviation[0])
    #expect(prepared.values.count == 3 * 336 * 336 && abs(prepared.values[0] - expected) < 1e-6)
    var square = ImagePreparation(side: 336)
    square.padsToSquare = true
    expectRefusal("line.png", "20000 x 20000", "Scale it down") { _ = try square.prepare(line, path: "line.png") }
  }

  /// The header says what reading the whole file says.
  @Test(arguments: [
    "one.png", "one.jpg", "ga.png", "rgba.png", "gray16.png", "palette.png", "bits.png", "gray.jpg", "progressive.jpg",
    "rgb420.jpg", "rgb444.jpg",
  ])
  func sizesAreReadFromHeaders(name: String) throws {
    let path = imageFixture(name), whole = try PixelImage(file: path), size = try PixelImage.size(ofFile: path)
    #expect(size.height == whole.height)
    #expect(size.width == whole.width)
    let bytes = try Data(contentsOf: URL(filePath: path))
    // Cut off anywhere, it is refused or right: never read beyond its end.
    for count in 0..<min(bytes.count, 700) {
      try withFile(bytes.prefix(count), name: name) { path in
        if let cut = try? PixelImage.size(ofFile: path) { #expect(cut == size) }
      }
    }
  }

  @Test func headersOfOtherAndLargeImagesAreRefused() throws {
    expectRefusal("huge.png", "at most", "Scale it down") { _ = try PixelImage.size(ofFile: imageFixture("huge.png")) }
    expectRefusal("make.py", "PNG or JPEG") { _ = try PixelImage.size(ofFile: imageFixture("make.py")) }
    // Segments of no length, and a frame that never comes.
    let endless: [UInt8] = [0xFF, 0xD8] + [UInt8](repeating: 0xFF, count: 64) + [0xE0, 0, 0, 0xFF, 0xE0, 0, 0]
    try withFile(endless, name: "a.jpg") { path in
      expectRefusal("a.jpg", "no whole header") { _ = try PixelImage.size(ofFile: path) }
    }
  }

  /// Gray and transparent images and those of one pixel become what the model reads; CMYK is refused by name.
  @Test(arguments: ["one.png", "one.jpg", "ga.png", "rgba.png", "gray16.png", "palette.png", "gray.jpg"])
  func everyKindOfFileIsPrepared(name: String) throws {
    let image = try PixelImage(file: imageFixture(name))
    let prepared = try ImagePreparation(side: 16).prepare(image, path: name)
    #expect(prepared.values.count == 3 * 16 * 16)
    #expect(prepared.values.allSatisfy { $0.isFinite })
    if image.channels == 1 {
      // The same gray in every channel, whatever its mean and deviation.
      let gray = (0..<3).map { channel in
        prepared.values[channel * 256] * Float(ImagePreparation.clip.deviation[channel])
          + Float(ImagePreparation.clip.mean[channel])
      }
      #expect(abs(gray[0] - gray[1]) < 1e-5 && abs(gray[1] - gray[2]) < 1e-5)
    }
  }

  @Test func refusesWhatItCannotDo() throws {
    func read(_ json: String) throws -> ImagePreparation {
      try ImagePreparation(JSONReader(JSON(parsing: json, path: "p.json"), path: "p.json"))
    }
    expectRefusal("p.json", "image_processor_type", "BitImageProcessor") {
      _ = try read(#"{"image_processor_type": "BitImageProcessor"}"#)
    }
    expectRefusal("resample", "bilinear") { _ = try read(#"{"resample": 5}"#) }
    expectRefusal("do_center_crop") { _ = try read(#"{"do_center_crop": false, "size": {"shortest_edge": 224}}"#) }
    expectRefusal("size", "shortest_edge") { _ = try read(#"{"size": {"shortest_edge": 2, "longest_edge": 3}}"#) }
    expectRefusal("crop_size.height") { _ = try read(#"{"crop_size": {"height": 0, "width": 3}}"#) }
    expectRefusal("image_mean", "three numbers") { _ = try read(#"{"image_mean": [0, 1]}"#) }
    expectRefusal("image_std") { _ = try read(#"{"image_std": 0}"#) }
    expectRefusal("do_pad") { _ = try read(#"{"do_pad": true}"#) }
    // The old names, and whole numbers for sizes.
    let old = try read(#"{"feature_extractor_type": "CLIPFeatureExtractor", "size": 336, "crop_size": 336}"#)
    #expect(old.json == ImagePreparation(side: 336).json)
  }
}
