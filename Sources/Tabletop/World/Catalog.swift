// SPDX-License-Identifier: Apache-2.0
/// A kind of object: how large it is, and what it is for.
public struct Shape: Sendable, Hashable, Codable {
  /// Purpose.
  public enum Role: String, Sendable, Hashable, Codable {
    /// Can be picked up.
    case movable
    /// Holds others; stays where it is.
    case container
    /// Is swept, not picked up.
    case swept
    /// Lies on the table and is only spoken of.
    case marking
  }
  /// The outline that "the same profile" means.
  public enum Profile: String, Sendable, Hashable, Codable {
    case angular, round, other
  }

  /// VIMABench's name: `letter T`.
  public var name: String
  /// Metres to the side and forward, unturned.
  public var width: Double
  /// Metres forward, unturned.
  public var depth: Double
  /// What it is for.
  public var role: Role
  /// Its outline.
  public var profile: Profile

  init(_ name: String, _ width: Double, _ depth: Double, _ role: Role = .movable, _ profile: Profile = .other) {
    (self.name, self.width, self.depth, self.role, self.profile) = (name, width, depth, role, profile)
  }
}

/// Shapes and textures by VIMABench's names; sizes are those its front view shows, to the centimetre.
public enum Catalog {
  /// Object to pick up.
  public static let movables: [Shape] = [
    Shape("letter A", 0.09, 0.09), Shape("letter E", 0.06, 0.09), Shape("letter G", 0.09, 0.1),
    Shape("letter M", 0.09, 0.09), Shape("letter T", 0.1, 0.1), Shape("letter V", 0.08, 0.1),
    Shape("cross", 0.1, 0.1), Shape("flower", 0.1, 0.1, .movable, .round), Shape("heart", 0.1, 0.09),
    Shape("pentagon", 0.09, 0.09), Shape("ring", 0.09, 0.09, .movable, .round), Shape("triangle", 0.1, 0.08),
    Shape("L-shaped block", 0.09, 0.09, .movable, .angular), Shape("block", 0.09, 0.09, .movable, .angular),
    Shape("shorter block", 0.09, 0.08, .movable, .angular),
  ]
  /// Containers.
  public static let containers: [Shape] = [
    Shape("bowl", 0.17, 0.17, .container, .round), Shape("container", 0.16, 0.16, .container, .angular),
    Shape("frame", 0.17, 0.16, .container, .angular), Shape("square", 0.19, 0.19, .container, .angular),
  ]
  static let smallBlock = Shape("small block", 0.03, 0.03, .swept)
  static let bounds = Shape("three-sided rectangle", 0.3, 0.28, .marking)
  static let line = Shape("line", 0.33, 0.03, .marking)

  /// Textures of objects.
  public static let textures: [String] = [
    "red", "yellow", "green", "blue", "purple", "cyan", "olive", "granite", "tiger", "rainbow", "tiles", "wooden",
    "plastic", "polka dot", "checkerboard", "red swirl", "green swirl", "purple swirl", "red paisley", "green paisley",
    "yellow paisley", "blue paisley", "red and yellow stripe", "yellow and green stripe", "red and yellow polka dot",
    "green and blue polka dot", "yellow and blue polka dot",
  ]
  /// Textures that come in a darker shade as well.
  static let shaded = ["red", "yellow", "green", "blue", "purple", "red swirl", "green swirl", "red and yellow stripe"]

  /// Whether a pair of texture and shape is kept out of training, to ask at L2 for what was never seen together: one in
  /// five, by their places in the lists.
  public static func isHeldOut(_ texture: String, _ shape: Shape) -> Bool {
    let places = movables + containers + [smallBlock]
    guard let a = textures.firstIndex(of: texture), let b = places.firstIndex(where: { $0.name == shape.name }) else {
      return false
    }
    return (a * 3 + b).isMultiple(of: 5)
  }
}
