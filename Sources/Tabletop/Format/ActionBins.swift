// SPDX-License-Identifier: Apache-2.0
/// Actions as five bins, the way of RT-2: start, end, and angle, each one of 256 tokens.
///
/// LLaRA takes the 256 tokens from id 31000 of Llama-2's vocabulary on. Here a bin is a word, so that any tokenizer
/// that has the words can be used: `<bin_0>` … `<bin_255>` unless told otherwise.
public struct ActionBins: Sendable, Hashable, Codable {
  /// A bin's word; `{}` stands for its number.
  public var pattern: String
  /// How many bins a coordinate has.
  public var count: Int

  /// Memberwise.
  public init(pattern: String = "<bin_{}>", count: Int = 256) {
    precondition(
      pattern.contains("{}") && !pattern.hasPrefix("{}") && count >= 2,
      "a pattern such as <bin_{}>, and at least two bins")
    (self.pattern, self.count) = (pattern, count)
  }

  /// x, y, x, y as shares of the image, and the angle as a share of the circle from −180 degrees on, anticlockwise as
  /// LLaRA has it here; each as the nearest bin.
  public func bins(_ action: ManipulationAction) -> [Int] {
    // Wrapped first: an angle from outside may have no negative.
    let angle = Double(wrapped(-wrapped(action.rotation)))
    let shares = [action.start.x, action.start.y, action.end.x, action.end.y, (angle + 180) / 360]
    return shares.map { Int((min(max($0, 0), 1) * Double(count - 1)).rounded(.toNearestOrEven)) }
  }

  /// The action that five bins stand for; nil for another number of them, or bins that do not exist.
  public func action(_ bins: [Int], tool: EndEffector = .suction) -> ManipulationAction? {
    guard bins.count == 5, bins.allSatisfy({ (0..<count).contains($0) }) else { return nil }
    let shares = bins.map { Double($0) / Double(count - 1) }
    return ManipulationAction(
      tool, start: ImagePoint(x: shares[0], y: shares[1]), end: ImagePoint(x: shares[2], y: shares[3]),
      rotation: Int((180 - shares[4] * 360).rounded()))
  }

  /// `<bin_12><bin_200>…`, five words.
  public func text(_ action: ManipulationAction) -> String {
    bins(action).map { pattern.replacing("{}", with: "\($0)") }.joined()
  }

  /// The actions in a text: its bins, five by five.
  public func actions(in text: String, tool: EndEffector = .suction) -> [ManipulationAction] {
    let parts = pattern.split(separator: "{}", maxSplits: 1, omittingEmptySubsequences: false)
    var found = [Int](), rest = text[...]
    while let open = rest.firstRange(of: parts[0]) {
      rest = rest[open.upperBound...]
      let digits = rest.prefix { $0.isNumber }
      let after = rest.dropFirst(digits.count)
      if after.hasPrefix(parts[1]), let bin = Int(digits) { found.append(bin) }
    }
    return stride(from: 0, to: found.count - found.count % 5, by: 5).compactMap {
      action(Array(found[$0..<$0 + 5]), tool: tool)
    }
  }
}

/// −180 … 180 degrees for any angle.
func wrapped(_ degrees: Int) -> Int {
  let rest = ((degrees % 360) + 360) % 360
  return rest > 180 ? rest - 360 : rest
}
