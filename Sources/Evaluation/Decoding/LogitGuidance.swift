// SPDX-License-Identifier: Apache-2.0
import Foundation
public import MetricTokens
public import Torch

/// How the scores of several models become one while a model generates: a mixture of their log-probabilities over the tokens
/// that the generating model itself finds plausible.
///
/// With `own` as the base measure and c·log π of the others as the score, a token's target is q·e^R, from which it is drawn.
public struct LogitGuidance: Sendable, Hashable {
  /// Name of the model that generates in ``mixture``.
  public static let own = "own"

  /// Σ c·log π of the models, ``own`` among them.
  public var mixture: LogitMixture
  /// Only tokens with at least this share of the most probable one's probability are kept, by ``own``; nil keeps all.
  public var plausibility: Double?

  /// Memberwise.
  public init(_ mixture: LogitMixture, plausibility: Double? = nil) {
    precondition(plausibility.map { $0 > 0 && $0 <= 1 } ?? true, "plausibility \(plausibility ?? 0)")
    (self.mixture, self.plausibility) = (mixture, plausibility)
  }

  /// log π + Σ α·log π_guide: an autoregressive reward model at work, α = 1/β of its training (GenARM, Xu et al. 2025,
  /// arXiv 2410.08193), or any model added to another.
  public static func guided(by guides: [(name: String, alpha: Double)]) -> LogitGuidance {
    LogitGuidance(LogitMixture([.init(own)] + guides.map { .init($0.name, $0.alpha) }))
  }

  /// log π − λ·log π_amateur over the plausible tokens (contrastive decoding, Li et al. 2023, arXiv 2210.15097).
  public static func contrasting(
    _ amateur: String, coefficient: Double = 1, plausibility: Double = 0.1
  ) -> LogitGuidance {
    LogitGuidance(LogitMixture([.init(own), .init(amateur, -coefficient)]), plausibility: plausibility)
  }

  /// The scores of the next token, up to a constant of each row.
  ///
  /// - Parameter logits: `[B, V]` of each model of the mixture, by name, and of ``own``.
  /// - Returns: `[B, V]`; −∞ for tokens that are not plausible.
  public func scores(_ logits: [String: Tensor]) -> Tensor {
    func logs(_ name: String) -> Tensor {
      guard let given = logits[name] else { preconditionFailure("the mixture reads a model named \(name)") }
      return given.logSoftmax(-1)
    }
    let own = logs(Self.own)
    // A model of no weight adds nothing, whatever it forbids.
    var sum = own.zerosLike()
    for part in mixture.parts where part.coefficient != 0 { sum = sum + logs(part.model) * part.coefficient }
    if let contrast = mixture.contrast {
      let towards = logs(contrast.towards), from = logs(contrast.from)
      let weight = (towards.exp() - from.exp()).abs().sum(-1, keepDim: true) * contrast.scale + contrast.least
      sum = sum + (towards - from) * weight
    }
    guard let plausibility else { return sum }
    return sum.maskedFill(own .< own.max(-1, keepDim: true) + log(plausibility), -.infinity)
  }
}
