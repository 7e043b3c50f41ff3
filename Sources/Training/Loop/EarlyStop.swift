// SPDX-License-Identifier: Apache-2.0
/// Ends a run when validation no longer gets better.
///
/// A function of the validation losses alone (or of one measurement in their place), which checkpoints keep: a resumed
/// run stops where an uninterrupted one would have.
public struct EarlyStop: Sendable, Hashable, Codable {
  /// Validations in a row without a better loss after which the run ends.
  public var patience: Int
  /// How much lower a loss must be to count as better than the best before.
  public var minDelta: Double
  /// Mean beside the loss that is judged in its place, more of which is better: `rewards/accuracies`. The best step is
  /// chosen by it, too. Nil for the loss.
  public var measurement: String?

  /// Memberwise.
  public init(patience: Int, minDelta: Double = 0, measurement: String? = nil) {
    precondition(patience > 0 && minDelta >= 0, "patience \(patience), least improvement \(minDelta)")
    (self.patience, self.minDelta, self.measurement) = (patience, minDelta, measurement)
  }

  /// What is judged of a validation, less of which is better; not a number where there is none.
  func judged(_ losses: LossMetrics) -> Double {
    guard let measurement else { return losses.loss }
    return losses.means?.first { $0.name == measurement }.map { -$0.value } ?? .nan
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
