// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing
import TokenData

/// A file of `Tests/Fixtures/images`.
func imageFixture(_ name: String) -> String {
  URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures/images/\(name)").standardized
    .path
}

/// Pixels expected are those of Pillow: `Tests/Fixtures/images/make_files.py`.
@Suite struct PixelImageTests {
  struct Image: Decodable { let shape: [Int], pixels: [UInt8] }
  static let expected = try! JSONDecoder().decode(
    [String: Image].self, from: Data(contentsOf: URL(filePath: imageFixture("expected.json"))))
  static let names = expected.keys.filter { $0.hasSuffix("g") && !$0.contains(" ") }.sorted()

  @Test(arguments: names) func pixelsEqualPillows(name: String) throws {
    let image = try PixelImage(file: imageFixture(name))
    let wanted = try #require(Self.expected[name])
    #expect([image.height, image.width, image.channels] == wanted.shape)
    let worst = zip(image.bytes, wanted.pixels).map { abs(Int($0) - Int($1)) }.max()
    #expect(worst == 0)
  }

  @Test func channelsConvertAsPillowConverts() throws {
    let image = try PixelImage(file: imageFixture("rgb.png"))
    let luma = image.converted(channels: 1)
    #expect(luma.bytes == Self.expected["luma of rgb.png"]?.pixels)
    let gray = try PixelImage(file: imageFixture("gray.png"))
    let spread = gray.converted(channels: 3)
    #expect(spread.channels == 3 && spread.bytes[30] == gray.bytes[10] && spread.converted(channels: 1) == gray)
  }

  @Test(arguments: ["gray.png", "rgb.png", "one.png"]) func writesWhatItReads(name: String) throws {
    let image = try PixelImage(file: imageFixture(name))
    let back = try PixelImage(png: image.png(), path: name)
    #expect(back == image)
  }

  @Test func noiseThatCannotBeCompressedIsWrittenToo() throws {
    var random = SystemRandomNumberGenerator()
    let bytes = (0..<300 * 200 * 3).map { _ in UInt8.random(in: 0...255, using: &random) }
    let image = PixelImage(width: 300, height: 200, channels: 3, bytes: bytes)
    let back = try PixelImage(png: image.png(), path: "noise")
    #expect(back == image)
  }

  @Test func refusesWhatItCannotRead() throws {
    expectRefusal("20000 x 20000", "at most 67108864") { _ = try PixelImage(file: imageFixture("huge.png")) }
    expectRefusal("17 x 13", "at most 100") { _ = try PixelImage(file: imageFixture("rgb444.jpg"), pixelLimit: 100) }
    expectRefusal("CMYK", "Convert it to RGB") { _ = try PixelImage(file: imageFixture("cmyk.jpg")) }
    expectRefusal("PNG or JPEG") { _ = try PixelImage(file: imageFixture("codes32.npy")) }
    try withFile([UInt8](), name: "a.png") { path in expectRefusal("0 bytes") { _ = try PixelImage(file: path) } }
  }

  /// Each scan is a pass over the whole image.
  @Test func manyScansAreRefused() throws {
    let whole = try fileBytes(imageFixture("progressive.jpg"))
    let start = try #require(whole.indices.last { whole[$0...].starts(with: [0xFF, 0xDA]) }), end = whole.count - 2
    #expect(whole[end...].elementsEqual([0xFF, 0xD9]))
    let scan = Array(whole[start..<end]), many = Array(repeating: scan, count: 250).flatMap { $0 }
    expectRefusal("more than 200 scans", "Write it again with fewer") {
      _ = try PixelImage(jpeg: whole[..<end] + many + whole[end...], path: "many.jpg")
    }
  }

  @Test(arguments: ["rgb.png", "palette.png", "rgb420.jpg", "progressive.jpg", "gray16.png"])
  func everyCutIsRefused(name: String) throws {
    let whole = try fileBytes(imageFixture(name))
    // Without its last 12 bytes a PNG lacks only the mark of its end, without its last 2 a JPEG too.
    for count in 0..<whole.count - (name.hasSuffix("png") ? 12 : 2) {
      let cut = Array(whole[..<count])
      #expect(throws: InputError.self, "cut to \(count)") {
        try name.hasSuffix("png") ? PixelImage(png: cut, path: name) : PixelImage(jpeg: cut, path: name)
      }
    }
  }

  @Test(arguments: ["rgb.png", "rgba.png", "palette.png", "rgb420.jpg", "progressive.jpg", "gray.jpg"])
  func damagedFilesDoNoHarm(name: String) throws {
    let whole = try fileBytes(imageFixture(name))
    var state: UInt64 = 1
    func random(below bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for _ in 0..<3000 {
      var bytes = whole
      for _ in 0...random(below: 3) { bytes[random(below: bytes.count)] = UInt8(random(below: 256)) }
      do {
        let image =
          try name.hasSuffix("png")
          ? PixelImage(png: bytes, path: name, pixelLimit: 1 << 20)
          : PixelImage(jpeg: bytes, path: name, pixelLimit: 1 << 20)
        #expect(image.bytes.count == image.width * image.height * image.channels)
      } catch {
        #expect(error.path == name)
      }
    }
  }

  @Test func gridsHaveGapsAndScale() throws {
    let black = PixelImage(width: 2, height: 1, channels: 1, bytes: [0, 10])
    let red = PixelImage(width: 2, height: 1, channels: 3, bytes: [255, 0, 0, 254, 0, 0])
    let grid = PixelImage.grid([black, red, black], columns: 2, gap: 1, scale: 2)
    #expect(grid.width == 9)
    #expect(grid.height == 5)
    #expect(grid.channels == 3)
    /// Red, green and blue as one number.
    func pixel(_ x: Int, _ y: Int) -> Int {
      grid.bytes[((y * 9 + x) * 3)..<((y * 9 + x) * 3 + 3)].reduce(0) { $0 << 8 | Int($1) }
    }
    #expect(pixel(0, 0) == 0x000000)
    #expect(pixel(1, 1) == 0x000000)
    #expect(pixel(3, 1) == 0x0A0A0A)
    #expect(pixel(4, 0) == 0xFFFFFF)
    #expect(pixel(5, 1) == 0xFF0000)
    #expect(pixel(8, 0) == 0xFE0000)
    #expect(pixel(0, 2) == 0xFFFFFF)
    #expect(pixel(2, 3) == 0x0A0A0A)
    #expect(pixel(7, 4) == 0xFFFFFF)
  }
}
