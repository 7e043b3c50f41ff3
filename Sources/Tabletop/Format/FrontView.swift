// SPDX-License-Identifier: Apache-2.0
/// A place on the table in the robot's frame, in metres: `forward` 0.25 … 0.75 away from the robot (down in the image),
/// `side` −0.5 … 0.5 (left to right in the image).
public struct TablePoint: Sendable, Hashable, Codable {
  /// Metres away from the robot.
  public var forward: Double
  /// Metres to the side.
  public var side: Double

  /// Memberwise.
  public init(forward: Double, side: Double) { (self.forward, self.side) = (forward, side) }

  /// Metres between two places.
  public func distance(to other: TablePoint) -> Double {
    ((forward - other.forward) * (forward - other.forward) + (side - other.side) * (side - other.side)).squareRoot()
  }
}

/// A place in the image as shares of its width and height, from the top left corner.
public struct ImagePoint: Sendable, Hashable, Codable {
  /// From the left, 0 … 1.
  public var x: Double
  /// From the top, 0 … 1.
  public var y: Double

  /// Memberwise.
  public init(x: Double, y: Double) { (self.x, self.y) = (x, y) }
}

/// How VIMABench's front camera, 256 x 128 pixels, sees the table: the straight lines that LLaRA maps between pixels
/// and metres with, both ways.
public enum FrontView {
  /// Pixels of the image.
  public static let width = 256
  /// Pixels from top to bottom of the image.
  public static let height = 128
  /// Metres that the robot reaches, forward and to the side.
  public static let forward = 0.25...0.75
  /// Metres that the robot reaches to the side.
  public static let side = -0.5...0.5

  /// Column of a place, rounded towards zero as LLaRA does.
  public static func column(side: Double) -> Int { Int((side + 0.5) * 251 + 3) }
  /// Row of a place.
  public static func row(forward: Double) -> Int { Int((forward - 0.25) * 178 + 34) }

  /// Where a place is seen: whole pixels as shares of the image.
  public static func imagePoint(_ place: TablePoint) -> ImagePoint {
    ImagePoint(
      x: Double(column(side: place.side)) / Double(width), y: Double(row(forward: place.forward)) / Double(height))
  }

  /// Point of the table under a point of the image, kept within reach.
  public static func tablePoint(_ point: ImagePoint) -> TablePoint {
    let place = place(column: point.x * Double(width), row: point.y * Double(height))
    return TablePoint(
      forward: min(max(place.forward, Self.forward.lowerBound), Self.forward.upperBound),
      side: min(max(place.side, Self.side.lowerBound), Self.side.upperBound))
  }

  /// What is seen at a point of the image given in pixels from its top left corner, beyond reach too.
  static func place(column: Double, row: Double) -> TablePoint {
    TablePoint(forward: (row - 34) / 178 + 0.25, side: (column - 3) / 251 - 0.5)
  }

  /// Largest error, in metres, of a place that goes through ``imagePoint(_:)``, three decimals and ``tablePoint(_:)``:
  /// one pixel and the rounding, on each axis.
  public static let rounding = (forward: (1 + 0.0005 * 128) / 178, side: (1 + 0.0005 * 256) / 251)
}
