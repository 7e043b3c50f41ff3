// SPDX-License-Identifier: Apache-2.0
/// Why an answer holds no action, or fewer than it begins.
public enum AnswerProblem: String, Sendable, Hashable, Codable, CaseIterable {
  /// No `(x, y)` at all.
  case noLocation
  /// One location, and no second one.
  case oneLocation
  /// Two locations, but no `[angle]`.
  case noAngle
  /// Something between the brackets that is no number.
  case notANumber
}

/// The actions an answer holds.
public struct ParsedAnswer: Sendable, Hashable {
  /// In order; empty if the first could not be read.
  public var actions: [ManipulationAction]
  /// Why there is not one more; nil if the answer was used up.
  public var problem: AnswerProblem?
  /// Coordinates outside 0 … 1, which were drawn in, as the robot cannot reach beyond the image.
  public var clipped: Int

  /// Reads LLaRA's way: pairs in round brackets two by two, whole numbers in square brackets one by one; words count
  /// for nothing, so RT-2 like answers without words are read as well.
  public init(_ text: String, tool: EndEffector = .suction) {
    let scalars = Array(text.unicodeScalars)
    let pairs = Self.insides(scalars, "(", ")").filter { $0.contains(",") }.map(Self.pair)
    let angles = Self.insides(scalars, "[", "]").filter { !$0.contains(",") }.map { Int($0.trimmed) }
    actions = []
    clipped = 0
    problem = pairs.isEmpty ? .noLocation : pairs.count == 1 ? .oneLocation : angles.isEmpty ? .noAngle : nil
    for index in 0..<min(pairs.count / 2, angles.count) {
      guard let start = pairs[2 * index], let end = pairs[2 * index + 1], let angle = angles[index] else {
        problem = .notANumber
        return
      }
      let inside = [start, end].map { ImagePoint(x: min(max($0.x, 0), 1), y: min(max($0.y, 0), 1)) }
      clipped += (inside[0] == start ? 0 : 1) + (inside[1] == end ? 0 : 1)
      // A turn of more than a circle is read as what is left of it.
      actions.append(ManipulationAction(tool, start: inside[0], end: inside[1], rotation: angle % 360))
    }
    if problem == nil, !pairs.count.isMultiple(of: 2) { problem = .oneLocation }
    if problem == nil, pairs.count / 2 > angles.count { problem = .noAngle }
  }

  /// Texts between an opening bracket and the next closing one on the same line.
  private static func insides(_ scalars: [Unicode.Scalar], _ open: Unicode.Scalar, _ close: Unicode.Scalar) -> [String]
  {
    var found = [String](), start: Int?
    for (index, scalar) in scalars.enumerated() {
      if scalar == open {
        start = index + 1
      } else if scalar == "\n" {
        start = nil
      } else if scalar == close, let begun = start {
        found.append(String(String.UnicodeScalarView(scalars[begun..<index])))
        start = nil
      }
    }
    return found
  }

  private static func pair(_ text: String) -> ImagePoint? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { Double(String($0).trimmed) }
    guard parts.count == 2, let x = parts[0], let y = parts[1], x.isFinite, y.isFinite else { return nil }
    return ImagePoint(x: x, y: y)
  }
}

extension String {
  fileprivate var trimmed: String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
