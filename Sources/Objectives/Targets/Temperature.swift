// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How sharp a target is: τ, or what τ is solved for. The paper prints no τ, so every result states it
/// (equation 4, C.1; docs/paper-map.md Q3).
public enum Temperature: Sendable, Hashable {
  /// τ itself, in units of the distance. 0 is the limit: all mass on the nearest candidates, which turns the distance
  /// loss into the cross entropy over V_d of equation 8. Infinity leaves the base measure.
  case value(Double)
  /// The τ at which the targets' perplexity exp(H) is this on average over the targets x.
  case perplexity(Double)
  /// A τ for each x, at which its own target has this perplexity.
  case rowPerplexity(Double)
  /// The τ at which the discrete metric is label smoothing with this ε (docs/paper-map.md, identity iii).
  case labelSmoothing(Double)

  /// τ = 1 / log((M − ε(M − 1)) / ε): with the discrete metric, mass 1 − ε + ε/M stays on x and ε/M goes to every
  /// other of the M candidates.
  public static func labelSmoothingTemperature(_ epsilon: Double, candidates: Int) -> Double {
    let m = Double(candidates)
    return 1 / log((m - epsilon * (m - 1)) / epsilon)
  }
}

extension Temperature: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
  /// τ itself.
  public init(floatLiteral value: Double) { self = .value(value) }
  /// τ itself.
  public init(integerLiteral value: Int) { self = .value(Double(value)) }
}
