// SPDX-License-Identifier: Apache-2.0
import Recipes
package import Evaluation
import TokenData

/// Images side by side with boxes on them, as in Fig. 6.
package enum GroundingImages {
  /// Red, green and blue of a box's outline.
  package typealias Colour = (UInt8, UInt8, UInt8)

  static let right: Colour = (30, 170, 60)
  package static let orange: Colour = (240, 130, 20)
  package static let blue: Colour = (50, 90, 220)

  /// A PNG of rows with boxes, the right one over the others, each image 256 pixels wide and high; nil if none can be
  /// read.
  package static func grid(_ rows: [(row: ReferringRow, boxes: [(box: BoundingBox?, colour: Colour)])]) -> [UInt8]? {
    let images = rows.compactMap { row, boxes in image(row, boxes + [(row.box, right)]) }
    return images.isEmpty ? nil : try? PixelImage.grid(images, columns: 4, gap: 6).png()
  }

  private static func image(_ row: ReferringRow, _ boxes: [(box: BoundingBox?, colour: Colour)]) -> PixelImage? {
    let side = 256
    guard let image = try? PixelImage(file: row.image).converted(channels: 3) else { return nil }
    let (x, y) = (Double(side) / row.width, Double(side) / row.height)
    return boxes.reduce(image.resized(width: side, height: side, filter: .bicubic)) { image, outline in
      guard let box = outline.box else { return image }
      return image.outlined(
        left: pixel(box.x1 * x), top: pixel(box.y1 * y), right: pixel(box.x2 * x), bottom: pixel(box.y2 * y),
        colour: outline.colour, thickness: 3)
    }
  }

  /// An answer may name any number.
  private static func pixel(_ value: Double) -> Int { Int(max(-1e6, min(1e6, value)).rounded()) }
}
