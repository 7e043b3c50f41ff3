// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Tool of the robot.
public enum EndEffector: String, Sendable, Hashable, Codable, CaseIterable {
  /// A suction cup: picks one object up and drops it.
  case suction
  /// A spatula: sweeps what lies in its way.
  case spatula
}

/// One joint action: two places and an angle (section 3.3).
public struct ManipulationAction: Sendable, Hashable, Codable {
  /// What the robot holds.
  public var tool: EndEffector
  /// Where the object is picked up, or where sweeping begins.
  public var start: ImagePoint
  /// Where it is dropped, or where sweeping ends.
  public var end: ImagePoint
  /// Degrees, clockwise, −359 … 359.
  public var rotation: Int

  /// Memberwise.
  public init(_ tool: EndEffector = .suction, start: ImagePoint, end: ImagePoint, rotation: Int) {
    (self.tool, self.start, self.end, self.rotation) = (tool, start, end, rotation)
  }

  /// The action as three decimals say it.
  public var asWritten: ManipulationAction {
    ManipulationAction(tool, start: start.asWritten, end: end.asWritten, rotation: rotation)
  }

  /// z and w of the turn as a quaternion (x and y are 0): clockwise is negative about z, which points up.
  public var quaternion: (z: Double, w: Double) {
    let half = -Double(rotation) * .pi / 360
    return (sin(half), cos(half))
  }

  /// LLaRA's sentence: `Pick up the <p>red ring</p> at <b>(0.234, 0.578)</b>, rotate <r>[-3]</r> degrees, and drop it
  /// at <b>(0.723, 0.578)</b>.`
  ///
  /// - Parameter object: what is moved, with its marks; history says `object`.
  public func text(object: String) -> String {
    let verb = tool == .suction ? "Pick up" : "Sweep"
    let last = tool == .suction ? "drop it" : "stop"
    return "\(verb) the \(object) at \(start.text), rotate <r>[\(rotation)]</r> degrees, and \(last) at \(end.text)."
  }
}

/// An action and the object it is meant for.
public struct NamedAction: Sendable, Hashable, Codable {
  /// The action.
  public var action: ManipulationAction
  /// Texture and shape, without marks.
  public var object: String

  /// Memberwise.
  public init(_ action: ManipulationAction, object: String) { (self.action, self.object) = (action, object) }

  /// The sentence that is learnt.
  public var text: String { action.text(object: "<p>\(object)</p>") }
}

extension ImagePoint {
  /// `<b>(0.301, 0.727)</b>`
  public var text: String { "<b>(\(x.decimals), \(y.decimals))</b>" }

  fileprivate var asWritten: ImagePoint {
    func rounded(_ value: Double) -> Double { (value * 1000).rounded(.toNearestOrEven) / 1000 }
    return ImagePoint(x: rounded(x), y: rounded(y))
  }
}

extension [NamedAction] {
  /// `Step 3: …`, one line a step, counted on from those already done.
  public func answer(after done: Int = 0) -> String {
    enumerated().map { "Step \(done + $0.offset + 1): \($0.element.text)" }.joined(separator: "\n")
  }
}
