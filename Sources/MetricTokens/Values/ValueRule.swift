/// How the numbers of one metric are taught as whole values.
public struct ValueRule: Sendable, Hashable {
  /// The characters of numbers (`TokenSpace.characters`).
  public var space: TokenSpace
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
    _ space: TokenSpace, target: ValueTarget, draw: Double, crossEntropy: CrossEntropy, isTaught: Bool = true
  ) {
    precondition(space.unit == .character, "space \(space.name) is not one of a number's characters")
    precondition((0...1).contains(draw), "share \(draw)")
    self.space = space
    self.target = target
    self.draw = draw
    self.crossEntropy = crossEntropy
    self.isTaught = isTaught
  }
}

extension ValueRule {
  /// The characters of the number that tokens write, by their candidates in order.
  func text(_ candidates: some Sequence<Int>) -> String {
    candidates.map { $0 < 10 ? String($0) : $0 == 10 ? "." : "-" }.joined()
  }

  /// Candidates that write a text.
  func candidates(_ text: String) -> [Int] {
    NumberPrefix.symbols(text).map { symbol in
      switch symbol {
      case .digit(let digit): digit
      case .point: 10
      case .minus: 11
      }
    }
  }

  /// The target of one place as what a loss is given. Without a token that ends the number, its end has no place among
  /// the candidates, and the others share its probability.
  ///
  /// - Returns: nil where the end is all there is.
  func given(_ place: NumberConditionals.Place, end: Int32?) -> GivenTarget? {
    var probabilities = place.digits + [place.point, place.minus]
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
