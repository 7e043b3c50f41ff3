// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A box in the image: centre and size as shares of the image.
public struct ImageBox: Sendable, Hashable, Codable {
  /// Centre of its box.
  public var center: ImagePoint
  /// Width of its box, as a share of the image.
  public var width: Double
  /// Height of its box, as a share of the image.
  public var height: Double

  /// Memberwise.
  public init(center: ImagePoint, width: Double, height: Double) {
    (self.center, self.width, self.height) = (center, width, height)
  }

  /// `<b>(0.500, 0.617), {0.203, 0.578}</b>`
  public var text: String {
    "<b>(\(center.x.decimals), \(center.y.decimals)), {\(width.decimals), \(height.decimals)}</b>"
  }

  /// Whether a point lies in it, borders included.
  public func contains(_ point: ImagePoint) -> Bool {
    abs(point.x - center.x) <= width / 2 + 1e-9 && abs(point.y - center.y) <= height / 2 + 1e-9
  }
}

/// An object as the text speaks of it: a name, and where boxes are given its box.
public struct DescribedObject: Sendable, Hashable, Codable {
  /// Texture and shape: `red and yellow polka dot letter T`.
  public var name: String
  /// Where it is seen.
  public var box: ImageBox
  /// Degrees it is turned clockwise, −179 … 180. An image shows this; where text stands in for the image it is
  /// written out (an addition of this project).
  public var heading: Int?

  /// Memberwise.
  public init(_ name: String, _ box: ImageBox, heading: Int? = nil) {
    (self.name, self.box, self.heading) = (name, box, heading)
  }

  /// `<p>red ring</p>`
  public var nameText: String { "<p>\(name)</p>" }

  /// `<p>red ring</p> at <b>(0.254, 0.570), {0.094, 0.156}</b>`, and with a heading `, turned <r>[35]</r>`.
  public var text: String { "\(nameText) at \(box.text)" + (heading.map { ", turned <r>[\($0)]</r>" } ?? "") }

  /// The same without heading, as LLaRA writes it.
  public var withoutHeading: DescribedObject { DescribedObject(name, box) }
}

extension [DescribedObject] {
  /// `<scene>…</scene>`, one line with a full stop for each object.
  public var sceneText: String { "<scene>" + map { $0.text + "." }.joined(separator: "\n") + "</scene>" }
}

extension Double {
  /// Three decimals, as all coordinates are written.
  var decimals: String { String(format: "%.3f", self) }
}
