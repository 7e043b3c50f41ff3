// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How the learning rate moves during a run, as a factor of the optimizer's own rate.
///
/// The factors are those of transformers' `get_constant_schedule_with_warmup`, `get_linear_schedule_with_warmup` and
/// `get_cosine_schedule_with_warmup` at the same step, so the first step of a warm-up has factor 0.
public struct Schedule: Sendable, Hashable, Codable {
  /// Shape after the warm-up.
  public enum Shape: String, Sendable, Hashable, Codable, CaseIterable {
    /// Factor 1 to the end.
    case constant
    /// From 1 to 0 in a straight line.
    case linear
    /// From 1 to 0 along half a cosine.
    case cosine
  }

  /// How long the factor rises from 0 to 1 in a straight line.
  public enum WarmUp: Sendable, Hashable, Codable {
    /// So many optimizer steps.
    case steps(Int)
    /// This part of all steps, rounded up.
    case ratio(Double)

    /// The number of steps in a run of `total`.
    public func steps(of total: Int) -> Int {
      switch self {
      case .steps(let count): count
      case .ratio(let ratio): Int((Double(total) * ratio).rounded(.up))
      }
    }
  }

  /// Shape after the warm-up.
  public var shape: Shape
  /// How long the factor rises.
  public var warmUp: WarmUp

  /// Memberwise.
  public init(_ shape: Shape, warmUp: WarmUp = .steps(0)) {
    self.shape = shape
    self.warmUp = warmUp
  }

  /// Factor 1 throughout.
  public static let constant = Schedule(.constant)
  /// From 1 to 0 in a straight line, without warm-up.
  public static let linear = Schedule(.linear)
  /// From 1 to 0 along half a cosine, without warm-up.
  public static let cosine = Schedule(.cosine)

  /// The factor of one optimizer step.
  ///
  /// - Parameters:
  ///   - step: optimizer steps done before this one, from 0.
  ///   - total: optimizer steps of the whole run.
  public func factor(step: Int, of total: Int) -> Double {
    let rising = warmUp.steps(of: total)
    if step < rising { return Double(step) / Double(max(1, rising)) }
    let falling = max(1, total - rising)
    switch shape {
    case .constant: return 1
    case .linear: return max(0, Double(total - step) / Double(falling))
    case .cosine: return max(0, 0.5 * (1 + cos(.pi * Double(step - rising) / Double(falling))))
    }
  }
}
