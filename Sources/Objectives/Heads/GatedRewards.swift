// SPDX-License-Identifier: Apache-2.0
public import Torch

/// One reward made of several: a gate reads the prompt and says how much each attribute counts (ArmoRM, Wang et al. 2024,
/// arXiv 2406.12845).
///
///     r(x, y) = Σ_k softmax(g(x)/T)_k · a_k(x, y)
///
/// Attributes a are a head that was fitted before, by regression; the gate alone is trained, by −log σ(r_w − r_l).
public struct GatedRewards {
  /// Linear layers of the gate g, ReLU between them: three of width 1024 and one of an output an attribute in the
  /// authors' code. Those that shall be trained require gradients.
  public var layers: [OutputHead]
  /// T > 0
  public var temperature: Double

  /// - Parameter temperature: 10 in the authors' code.
  public init(layers: [OutputHead], temperature: Double = 10) {
    precondition(temperature.isFinite && temperature > 0, "temperature \(temperature)")
    (self.layers, self.temperature) = (layers, temperature)
  }

  /// What the gate says of prompts, `[P, K]` before the softmax.
  ///
  /// - Parameter prompts: hidden states `[P, H]` at the last tokens of prompts.
  public func gate(_ prompts: Tensor) -> Tensor {
    layers.indices.reduce(prompts) { input, index in
      let output = layers[index](input)
      return index == layers.count - 1 ? output : output.relu()
    }
  }

  /// Rewards `[P, R]` of R responses to each of P prompts.
  ///
  /// - Parameters:
  ///   - gate: `[P, K]`, what the gate says of the prompts.
  ///   - attributes: `[P, R, K]`.
  public func scores(gate: Tensor, attributes: Tensor) -> Tensor {
    torchPrecondition(
      attributes.shape.count == 3 && gate.size(0) == attributes.size(0) && gate.size(1) == attributes.size(2),
      "a gate \(gate.shape) for attributes \(attributes.shape)")
    return ((gate * (1 / temperature)).softmax(1).unsqueeze(1) * attributes).sum(2)
  }

  /// −log σ(r_w − r_l) of each pair, `[P]`; the better response is the first of two.
  public func losses(gate: Tensor, attributes: Tensor) -> Tensor {
    let scores = scores(gate: gate, attributes: attributes)
    torchPrecondition(scores.size(1) == 2, "\(scores.size(1)) responses in a pair")
    return -(scores.select(1, 0) - scores.select(1, 1)).logSigmoid()
  }
}
