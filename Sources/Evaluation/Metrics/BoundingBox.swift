// SPDX-License-Identifier: Apache-2.0
/// An upright rectangle by two corners, x1 ≤ x2 and y1 ≤ y2.
public struct BoundingBox: Sendable, Hashable, Codable {
  /// Left, top, right and bottom.
  public var x1, y1, x2, y2: Double

  /// A box of four numbers x1, y1, x2, y2 in any unit. Nil for other counts and for inverted corners.
  public init?(_ corners: [Double]) {
    guard corners.count == 4, corners.allSatisfy(\.isFinite), corners[0] <= corners[2], corners[1] <= corners[3] else {
      return nil
    }
    (x1, y1, x2, y2) = (corners[0], corners[1], corners[2], corners[3])
  }

  /// (x2 − x1)(y2 − y1).
  public var area: Double { (x2 - x1) * (y2 - y1) }

  /// Intersection over union in 0 … 1; 0 for two boxes without area.
  public func intersectionOverUnion(_ other: BoundingBox) -> Double {
    let width = min(x2, other.x2) - max(x1, other.x1), height = min(y2, other.y2) - max(y1, other.y1)
    let intersection = max(0, width) * max(0, height), union = area + other.area - intersection
    return union > 0 ? intersection / union : 0
  }

  /// The grounding rule of section 3.2: found means an intersection over union of at least a half, a half included.
  public func isFound(by prediction: BoundingBox) -> Bool { intersectionOverUnion(prediction) >= 0.5 }
}
