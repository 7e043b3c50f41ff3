// SPDX-License-Identifier: Apache-2.0
import Foundation
import MetricTokens
public import Torch

/// How the next token is chosen from the model's scores.
///
/// Filters apply in the order temperature, top-k, top-p, min-p, each to what the one before left, as in `transformers`.
public struct Sampling: Sendable, Hashable, Codable {
  /// Divides the scores; 0 always takes the best token.
  public var temperature: Double
  /// Keeps the k best tokens; nil keeps all.
  public var topK: Int?
  /// Keeps the best tokens whose probabilities sum to at least this (Holtzman et al. 2020); nil keeps all.
  public var topP: Double?
  /// Keeps tokens at least this share as probable as the best one; nil keeps all.
  public var minP: Double?
  /// Seed of the draws. Each sequence has a stream of its own, so a batch's other sequences change nothing.
  public var seed: UInt64

  /// Draws from the model's own distribution unless told otherwise.
  public init(
    temperature: Double = 1, topK: Int? = nil, topP: Double? = nil, minP: Double? = nil, seed: UInt64 = 0
  ) {
    (self.temperature, self.topK, self.topP, self.minP, self.seed) = (temperature, topK, topP, minP, seed)
  }

  /// The best token every time.
  public static let greedy = Sampling(temperature: 0)

  /// Fault of the settings, with the name of the one at fault; nil if nothing is.
  public var problem: String? {
    if !(temperature >= 0 && temperature.isFinite) { return "temperature: expected a number ≥ 0, found \(temperature)" }
    if let topK, topK < 1 { return "topK: expected at least 1, found \(topK)" }
    if let topP, !(topP > 0 && topP <= 1) { return "topP: expected a share in (0, 1], found \(topP)" }
    if let minP, !(minP >= 0 && minP <= 1) { return "minP: expected a share in [0, 1], found \(minP)" }
    return nil
  }

  /// The tokens that may be drawn and their probabilities.
  ///
  /// - Parameter logits: `[B, V]`.
  /// - Returns: probabilities `[B, K]`, float64, each row summing to 1 and zero for what is filtered out; and the token
  ///   ids `[B, K]` of the columns, nil where column v is token v (K = V).
  public func distribution(_ logits: Tensor) -> (probabilities: Tensor, tokens: Tensor?) {
    if temperature == 0 {
      let best = logits.topK(1)
      return (best.values.onesLike().to(.float64), best.indices)
    }
    var scores = logits / temperature
    var tokens: Tensor?
    if topK != nil || topP != nil {
      (scores, tokens) = scores.topK(min(topK ?? .max, logits.size(-1))) as (Tensor, Tensor?)
    }
    if let topP {
      // Best first: a token stays if those before it do not reach topP yet.
      let mass = scores.softmax(-1)
      scores = scores.maskedFill((mass.cumsum(-1) - mass) .>= topP, -.infinity)
    }
    if let minP {
      let floor = scores.max(-1, keepDim: true) + log(minP)
      scores = scores.maskedFill(scores .< floor, -.infinity)
    }
    return (scores.to(.float64).softmax(-1), tokens)
  }

  /// Chooses a token per row.
  ///
  /// - Parameters:
  ///   - logits: `[B, V]` float32.
  ///   - draws: a uniform number of [0, 1) per row. Count B. Unused where the temperature is 0.
  /// - Returns: ids `[B]`, int64.
  func choose(_ logits: Tensor, draws: [Double]) -> Tensor {
    if temperature == 0 { return logits.argmax(-1) }
    let (probabilities, tokens) = distribution(logits)
    // Inverse of the cumulative distribution: the first column whose sum exceeds the draw. No rounding may lead beyond
    // the column that completes the sum, where only tokens that were filtered out are left.
    let sums = probabilities.cumsum(-1), total = sums.narrow(-1, sums.size(-1) - 1, 1)
    let isBelow = (sums .<= Tensor(draws, shape: [draws.count, 1], device: sums.device) * total).logicalAnd(
      sums .< total)
    let column = isBelow.sum(-1, keepDim: true)
    return (tokens?.gather(-1, column) ?? column).squeeze(-1)
  }

  /// The number that decides the choice of token `step` in the sequence with this stream.
  func draw(stream: UInt64, step: Int) -> Double {
    var generator = CounterGenerator(seed, stream, UInt64(step))
    return Double(generator.next() >> 11) * 0x1p-53
  }
}
