// SPDX-License-Identifier: Apache-2.0
/// How the numbers of one metric are taught as whole values.
public struct ValueRule: Sendable, Hashable {
  /// The characters of numbers (`TokenSpace.characters`), or tokens of several (`TokenSpace.pieces`).
  public var space: TokenSpace
  /// How the tokenizer writes the format's numbers, one way for each place where they have other tokens (after a space,
  /// for instance); none for numbers written character by character.
  public var tries: [NumberTrie]
  /// The target around each number.
  public var target: ValueTarget
  /// Share of the times that an example is seen at which the number is drawn from its target, and the conditionals are
  /// taught along the drawn number, 0 … 1. At 0 they are taught along the answer's own number.
  public var draw: Double
  /// Treatment of the cross entropy at a number's tokens.
  public var crossEntropy: CrossEntropy
  /// Whether the target is taught at all; if not, drawn numbers are learnt by cross entropy alone (reward-augmented
  /// maximum likelihood, Norouzi et al. 2016).
  public var isTaught: Bool

  /// Treatment of the cross entropy at a number's tokens.
  public enum CrossEntropy: String, Sendable, Hashable, Codable, CaseIterable {
    /// It stays, and the target's term is added.
    case kept
    /// The target takes its place.
    case replaced
  }

  /// Memberwise.
  public init(
    _ space: TokenSpace, target: ValueTarget, draw: Double, crossEntropy: CrossEntropy, isTaught: Bool = true,
    tries: [NumberTrie] = []
  ) {
    precondition(
      space.unit == (tries.isEmpty ? .character : .piece), "space \(space.name) is not one of a number's tokens")
    precondition(tries.allSatisfy { $0.space == space && $0.format == target.format }, "tries of another metric")
    precondition((0...1).contains(draw), "share \(draw)")
    self.space = space
    self.target = target
    self.draw = draw
    self.crossEntropy = crossEntropy
    self.isTaught = isTaught
    self.tries = tries
  }
}

extension ValueRule {
  /// The value that a number's characters write; nil if the format does not write it so.
  func index(of positions: [MetricPosition]) -> Int? {
    let text = positions.map { $0.candidate < 10 ? String($0.candidate) : $0.candidate == 10 ? "." : "-" }.joined()
    return target.format.index(of: text)
  }

  /// The tokens of a value, as candidates.
  ///
  /// - Parameter trie: which of the tries writes it; nil: character by character.
  func candidates(of index: Int, _ trie: Int?) -> [Int] {
    if let trie { return tries[trie].candidates(of: index) }
    return NumberPrefix.symbols(target.format.text(index)).map { symbol in
      switch symbol {
      case .digit(let digit): digit
      case .point: 10
      case .minus: 11
      }
    }
  }

  /// The conditionals of a target along a value, one for each of its tokens and one for its end.
  func places(along index: Int, _ trie: Int?, _ mass: any ValueMass) -> [PlaceTarget] {
    if let trie { return tries[trie].places(along: index, mass) }
    return NumberConditionals(along: index, of: target.format, mass).places.map {
      PlaceTarget(candidates: $0.digits + [$0.point, $0.minus], end: $0.end)
    }
  }

  /// The target of one place as what a loss is given. Without a token that ends the number, its end has no place among
  /// the candidates, and the others share its probability.
  ///
  /// - Returns: nil where the end is all there is.
  func given(_ place: PlaceTarget, end: Int32?) -> GivenTarget? {
    var probabilities = place.candidates
    if end == nil {
      let rest = 1 - place.end
      guard rest > 0 else { return nil }
      probabilities = probabilities.map { $0 / rest }
    }
    return GivenTarget(
      probabilities: probabilities, end: end, endProbability: end == nil ? 0 : place.end,
      replacesLabel: crossEntropy == .replaced)
  }
}
