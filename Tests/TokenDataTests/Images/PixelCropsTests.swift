// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import Testing
import TokenData

/// Pixels expected are those of Pillow: `Tests/Fixtures/images/make_crops.py`.
@Suite struct PixelCropsTests {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let name: String, side: Int, pixels: [UInt8], crop: Int, crops: [[UInt8]]
    var testDescription: String { "\(name) at \(side)" }
  }
  static let cases = try! JSONDecoder().decode(
    [Case].self, from: Data(contentsOf: URL(filePath: imageFixture("crops.json"))))

  @Test(arguments: cases) func preparedAsADMPrepares(_ expected: Case) throws {
    let image = try PixelImage(file: imageFixture(expected.name)).centred(expected.side)
    #expect((image.width, image.height) == (expected.side, expected.side))
    #expect(image.bytes == expected.pixels)
    let crops = image.fiveCrops(expected.crop) + image.mirrored.fiveCrops(expected.crop)
    #expect(crops.map(\.bytes) == expected.crops)
  }

  @Test func mirroredTwiceIsTheSame() throws {
    let image = try PixelImage(file: imageFixture("rgb.png"))
    #expect(image.mirrored != image)
    #expect(image.mirrored.mirrored == image)
  }
}
