// SPDX-License-Identifier: Apache-2.0
import Recipes
public import Evaluation
public import Files

/// An image, words that single out something in it, and where that is: a row of RefCOCO, RefCOCO+ or RefCOCOg.
public struct ReferringRow: Sendable, Hashable {
  /// The row's own name; `refcoco.jsonl line 12` if it has none.
  public var id: String
  /// The image's file, as the row has it.
  public var image: String
  /// Width of the image in pixels.
  public var width: Double
  /// Height of the image in pixels.
  public var height: Double
  /// Referring expression: "the white cup on the left".
  public var expression: String
  /// Where it is, in pixels, within the image.
  public var box: BoundingBox
  /// Whether the box stuck out of the image and was cut off at its edge.
  public var wasCut: Bool
  /// `train`, `val`, `testA`, …; nil if the row does not say.
  public var split: String?

  /// A row of these values.
  public init(
    id: String, image: String, width: Double, height: Double, expression: String, box: BoundingBox, split: String? = nil
  ) {
    (self.id, self.image, self.width, self.height) = (id, image, width, height)
    (self.expression, self.box, self.split) = (expression, box, split)
    wasCut = false
  }

  /// Reads a row: `image` (or `file_name`, or `images` with one), `sent` (or `expression`, `sentence`, `caption`),
  /// `width`, `height`, and `bbox` (or `bbox_xyxy`), two corners in pixels as the evaluators of Qwen-VL have them;
  /// `bbox_xywh` is corner and size as COCO has them. `split` and `id` may be there.
  ///
  /// - Parameter source: its name if it has none.
  /// - Throws: `InputError` naming the key: one that is missing or of a wrong type, a box that is inverted, empty or
  ///   outside the image.
  public init(_ object: JSONReader, source: String) throws(InputError) {
    image = try Self.image(object)
    let words = try Self.first(object, ["sent", "expression", "sentence", "caption"])
    expression = try words.string().split(whereSeparator: \.isWhitespace).joined(separator: " ")
    guard !expression.isEmpty else { throw words.error(expected: "words that single something out", found: "none") }
    (width, height) = (try Self.side(object, "width"), try Self.side(object, "height"))
    let asSize = try object.ifPresent("bbox_xywh")
    let place = if let asSize { asSize } else { try Self.first(object, ["bbox", "bbox_xyxy"]) }
    var corners = try place.elements().map { number throws(InputError) in try number.double() }
    guard corners.count == 4 else { throw place.error(expected: "four numbers", found: "\(corners.count)") }
    if asSize != nil { corners = [corners[0], corners[1], corners[0] + corners[2], corners[1] + corners[3]] }
    guard let whole = BoundingBox(corners), whole.area > 0 else {
      throw place.error(
        expected: asSize == nil ? "[x1, y1, x2, y2] with x1 < x2 and y1 < y2" : "[x, y, width, height] above 0",
        remedy: asSize == nil ? "If it is [x, y, width, height], call it bbox_xywh." : "")
    }
    let inside = BoundingBox([
      max(0, whole.x1), max(0, whole.y1), min(width, whole.x2), min(height, whole.y2),
    ])
    guard let inside, inside.area > 0 else {
      throw place.error(expected: "a box within the image's \(Int(width)) x \(Int(height)) pixels")
    }
    (box, wasCut) = (inside, inside != whole)
    split = try object.ifPresent("split")?.string()
    id = source
    if let name = try object.ifPresent("id") {
      id = if case .int(let number) = name.value { "\(number)" } else { try name.string() }
    }
  }

  private static func image(_ object: JSONReader) throws(InputError) -> String {
    guard let list = try object.ifPresent("images") else { return try first(object, ["image", "file_name"]).string() }
    let images = try list.elements()
    guard images.count == 1 else { throw list.error(expected: "one image", found: "\(images.count)") }
    return try images[0].string()
  }

  private static func first(_ object: JSONReader, _ keys: [String]) throws(InputError) -> JSONReader {
    for key in keys { if let value = try object.ifPresent(key) { return value } }
    throw object.error(expected: "a member " + keys.joined(separator: " or "), found: "none")
  }

  private static func side(_ object: JSONReader, _ key: String) throws(InputError) -> Double {
    let value = try object.at(key), side = try value.double()
    guard side >= 1, side <= 1e6 else { throw value.error(expected: "pixels of 1 ... 1000000") }
    return side
  }
}
