// SPDX-License-Identifier: Apache-2.0
/// Contrastive target augmentation (A.2): whether a contrastive example x̄ of each number joins the candidates, token
/// by token.
///
/// At position t the token x̄_t becomes candidate M + 1, at the distance of the digit of |x − x̄|. The model rates it
/// by one logit more (A.2; docs/paper-map.md Q13).
public enum Contrast: Sendable, Hashable {
  /// No contrastive example.
  case none
  /// x̄_t's logit is taken from x's own pass: costs nothing, but rates 4 9 where 3 9 is meant.
  case shared(radius: Int = 1, range: ClosedRange<Double>? = nil)
  /// x̄_t's logit comes from a second, teacher-forced pass on x̄: the reading of "the logits of x and the selected
  /// logit x̄" that the paper's results need.
  case twoPass(radius: Int = 1, range: ClosedRange<Double>? = nil)

  /// Whether x̄ needs a pass of its own.
  public var isTwoPass: Bool { if case .twoPass = self { true } else { false } }

  /// Whether contrastive examples take part at all.
  public var isActive: Bool { self != .none }
}
