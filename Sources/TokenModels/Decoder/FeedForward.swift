// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// What a layer does to each position by itself.
class FeedForward: Module {
  /// `[…, H]` → `[…, H]`.
  func callAsFunction(_ x: Tensor) -> Tensor {
    preconditionFailure("\(type(of: self)) does not say what it computes")
  }
}

/// W_down(activation(W_gate x) ⊙ W_up x).
final class GatedMLP: FeedForward {
  @OptionalChild("gate_proj") private var gate: Linear?
  @OptionalChild("up_proj") private var up: Linear?
  @Child("down_proj") private var down: Linear
  // In the place of the first two.
  @OptionalChild("gate_up_proj") private var fused: Linear?
  private let activation: Activation

  init(_ c: DecoderConfiguration, intermediateSize: Int) {
    activation = c.parts.activation
    super.init()
    if c.fusesProjections {
      fused = Linear(c.hiddenSize, 2 * intermediateSize, bias: c.mlpBias, device: .meta)
    } else {
      gate = Linear(c.hiddenSize, intermediateSize, bias: c.mlpBias, device: .meta)
      up = Linear(c.hiddenSize, intermediateSize, bias: c.mlpBias, device: .meta)
    }
    down = Linear(intermediateSize, c.hiddenSize, bias: c.mlpBias, device: .meta)
  }

  override func callAsFunction(_ x: Tensor) -> Tensor {
    if let fused, activation == .silu { return down(swiGLU(fused(x))) }
    let both = fused.map { $0(x).chunk(2, -1) } ?? Linear.all([gate, up].compactMap { $0 }, of: x)
    return activation == .silu ? down(gate: both[0], up: both[1]) : down(activation(both[0]) * both[1])
  }
}

/// Experts, of which each token is sent to the few that a router rates highest (Shazeer et al. 2017, arXiv 1701.06538):
///
///     p = softmax(W_gate x),   Σ pₑ · expertₑ(x)  over the largest pₑ, made to sum to 1 if the model says so
final class ExpertMLP: FeedForward {
  @Child("gate") private var router: Linear
  @Children("experts") private var experts: [GatedMLP]
  private let settings: DecoderParts.Experts

  init(_ c: DecoderConfiguration, _ settings: DecoderParts.Experts) {
    self.settings = settings
    super.init()
    router = Linear(c.hiddenSize, settings.count, bias: false, device: .meta)
    router.staysExact = true  // Small, and a little decides between experts.
    experts = (0..<settings.count).map { _ in GatedMLP(c, intermediateSize: settings.intermediateSize) }
  }

  override func callAsFunction(_ x: Tensor) -> Tensor {
    let tokens = x.reshape([-1, x.size(-1)])  // [N, H]
    let best = router(tokens).to(.float32).softmax(-1).topK(settings.chosen)
    let weights = settings.normalisesChoice ? best.values / best.values.sum(-1, keepDim: true) : best.values
    // Places in the flattened [N · k] at which each expert was chosen.
    var places = [[Int64]](repeating: [], count: experts.count)
    for (place, index) in best.indices.flatten().array(of: Int64.self).enumerated() {
      places[Int(index)].append(Int64(place))
    }
    // Where gradients are recorded an expert without a token gets one of 0.
    let isRecorded = tokens.requiresGrad || router.weight.requiresGrad
    var result = tokens.zerosLike()
    for (expert, places) in zip(experts, places) where isRecorded || !places.isEmpty {
      let rows = Tensor(places.map { $0 / Int64(settings.chosen) }, device: x.device)
      let share = weights.flatten().indexSelect(0, Tensor(places, device: x.device)).to(x.dtype).unsqueeze(-1)
      result = result.indexAdd(0, rows, expert(tokens.indexSelect(0, rows)) * share)
    }
    return result.view(x.shape)
  }
}
