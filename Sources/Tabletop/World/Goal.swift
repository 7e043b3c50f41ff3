// SPDX-License-Identifier: Apache-2.0
/// Something that shall be so. Objects are named by their index in the scene.
public enum Goal: Sendable, Hashable, Codable {
  /// The object's centre is within the container's outline.
  case inside(Int, container: Int)
  /// It is not.
  case outside(Int, container: Int)
  /// The object's centre is within ``positionTolerance`` of a place.
  case at(Int, TablePoint)
  /// The object is turned as said, within ``headingTolerance``.
  case heading(Int, Int)
  /// The object stands on the other.
  case on(Int, Int)
  /// So many of the blocks, no fewer and no more, are within the bounds.
  case swept([Int], count: ClosedRange<Int>, bounds: Int)
  /// None of the blocks is beyond the line (nearer to the robot).
  case behind([Int], line: Int)

  /// Metres.
  public static let positionTolerance = 0.04
  /// Degrees.
  public static let headingTolerance = 15

  /// Whether it is so.
  public func holds(in scene: TableScene) -> Bool {
    let objects = scene.objects
    switch self {
    case .inside(let object, let container): return objects[container].covers(objects[object].place)
    case .outside(let object, let container): return !objects[container].covers(objects[object].place)
    case .at(let object, let place): return objects[object].place.distance(to: place) <= Self.positionTolerance
    case .heading(let object, let heading):
      return abs(wrapped(objects[object].heading - heading)) <= Self.headingTolerance
    case .on(let object, let other): return objects[object].support == other
    case .swept(let blocks, let count, let bounds):
      return count.contains(blocks.count { objects[bounds].covers(objects[$0].place) })
    case .behind(let blocks, let line):
      return blocks.allSatisfy { objects[$0].place.forward > objects[line].place.forward }
    }
  }
}

/// What must be reached at one time before the next stage begins.
public struct Stage: Sendable, Hashable, Codable {
  /// Goal of the task.
  public var goals: [Goal]
  /// What must not be spoilt on the way.
  public var constraints: [Goal]

  init(_ goals: [Goal], _ constraints: [Goal] = []) { (self.goals, self.constraints) = (goals, constraints) }

  /// Whether all of it holds.
  public func isReached(in scene: TableScene) -> Bool {
    (goals + constraints).allSatisfy { $0.holds(in: scene) }
  }
}
