// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The weights exp(−d/τ) of a narrow target around a value of the format, by how many steps a value is away from it:
/// computed once, since around all such values they are the same.
struct ValueKernel: Sendable {
  /// At 0, 1, 2, … steps, as far as they count.
  private let weights: [Double]

  /// Nil where the steps alone do not decide (other distances, widths that differ from record to record), and for targets
  /// that are wide: those have closed sums.
  ///
  /// - Parameter beyond: −ln of a weight that no longer counts.
  init?(_ target: ValueTarget, beyond: Double) {
    switch (target.distance, target.scale) {
    case (.squared, .temperature), (.squared, .width), (.absolute, .temperature), (.absolute, .width): break
    default: return nil
    }
    let format = target.format, tau = target.temperature(around: 0)
    func energy(_ steps: Int) -> Double {
      let excess = target.distance.excess(of: format.value(steps), over: 0, around: 0)
      return excess <= 0 ? 0 : excess / tau
    }
    // The widest squared target that is summed up reaches 9 σ of a hundred steps.
    guard tau > 0, energy(1 << 10) >= beyond else { return nil }
    weights = (0...1 << 10).map(energy).prefix { $0 < beyond }.map { exp(-$0) }
  }

  /// The target around one of the format's values.
  func mass(around centre: Int, within indices: ClosedRange<Int>) -> SummedMass {
    let reach = weights.count - 1
    let left = min(reach, centre - indices.lowerBound), right = min(reach, indices.upperBound - centre)
    return SummedMass(first: centre - left, weights: weights[...left].reversed() + weights[1..<right + 1])
  }
}

/// It follows from the target's other parts.
extension ValueKernel: Hashable {
  static func == (a: ValueKernel, b: ValueKernel) -> Bool { true }
  func hash(into hasher: inout Hasher) {}
}
