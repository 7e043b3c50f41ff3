// SPDX-License-Identifier: Apache-2.0
/// Ends a run when validation no longer gets better.
///
/// A function of the validation losses alone, which checkpoints keep: a resumed run stops where an uninterrupted one
/// would have.
public struct EarlyStop: Sendable, Hashable, Codable {
  /// Validations in a row without a better loss after which the run ends.
  public var patience: Int
  /// How much lower a loss must be to count as better than the best before.
  public var minDelta: Double

  /// Memberwise.
  public init(patience: Int, minDelta: Double = 0) {
    precondition(patience > 0 && minDelta >= 0, "patience \(patience), least improvement \(minDelta)")
    (self.patience, self.minDelta) = (patience, minDelta)
  }

  /// Whether a run ends after these validation losses, in their order. One that is not finite is no better.
  public func ends(after losses: [Double]) -> Bool {
    var best = Double.infinity, waited = 0
    for loss in losses {
      let isBetter = loss < best - minDelta || (best == .infinity && loss.isFinite)
      (best, waited) = isBetter ? (loss, 0) : (best, waited + 1)
    }
    return waited >= patience
  }
}
