// SPDX-License-Identifier: Apache-2.0
public import Torch

/// A linear layer with a low-rank adapter: x Wᵀ + b + scale · dropout(x) Aᵀ Bᵀ.
///
/// The checkpoint names of W and b are those of the plain layer; beside them are `lora_A.weight` `[r, I]` and
/// `lora_B.weight` `[O, r]`.
public final class LoRALinear: Linear {
  /// A: `[rank, inputs]`.
  @Parameter("lora_A.weight") public var down: Tensor
  /// B: `[outputs, rank]`.
  @Parameter("lora_B.weight") public var up: Tensor
  /// Settings it was made with.
  public let settings: LoRASettings
  /// Whether it takes part; ``TokenModel/withoutAdapters(_:)`` turns it off for a while.
  fileprivate(set) var isOn = true

  /// An adapter on the weights of `base`, of their type and on their device. A and B are zero; see
  /// ``initialise(generator:)``.
  init(_ base: Linear, _ settings: LoRASettings) {
    self.settings = settings
    super.init(weight: base.weight, bias: base.bias)
    let (output, input) = (base.weight.size(0), base.weight.size(1))
    down = .zeros([settings.rank, input], dtype: base.weight.dtype, device: base.weight.device)
    up = .zeros([output, settings.rank], dtype: base.weight.dtype, device: base.weight.device)
    setTraining(base.isTraining)
  }

  /// The values PEFT begins with: A uniform within ±1/√I (Kaiming's with a = √5), B zero, so that the layer computes
  /// what it did without adapter.
  func initialise(generator: Generator) {
    let bound = 1 / Double(down.size(1)).squareRoot()
    // Drawn in float32 on the CPU, so that a seed means the same values everywhere.
    let drawn = Tensor.empty(down.shape).uniform_(-bound, bound, generator: generator)
    down = drawn.to(down.device, dtype: down.dtype)
  }

  /// Whether A reads x itself, not a copy after dropout.
  fileprivate var readsInput: Bool { isOn && (!isTraining || settings.dropout == 0) }

  /// Contribution of the adapter to the product `base` `[…, O]`; `narrow` is x Aᵀ `[…, r]` if that is known already.
  fileprivate func adapted(_ base: Tensor, _ x: Tensor, narrow: Tensor?) -> Tensor {
    let narrow = narrow ?? x.dropout(settings.dropout, training: isTraining).linear(down)
    return base.adding(narrow, times: up, scale: settings.scale)
  }

  /// W + scale · B A as a plain layer, summed in float32 (or in float64, if that is the weight's type) and rounded
  /// once.
  func merged() -> Linear {
    noGrad {
      let type: DType = weight.dtype == .float64 ? .float64 : .float32
      let sum = weight.detach().to(type) + up.detach().to(type).mm(down.detach().to(type)) * settings.scale
      return Linear(weight: sum.to(weight.dtype), bias: bias)
    }
  }
}

extension TokenModel {
  /// Runs `body` with the model as it is without its adapters: as they found it, if they were new.
  public func withoutAdapters<Result>(_ body: () throws -> Result) rethrows -> Result {
    let layers = adapters.map(\.layer)
    for layer in layers { layer.isOn = false }
    defer { for layer in layers { layer.isOn = true } }
    return try body()
  }
}

extension Linear {
  /// Several layers of one input, `[…, I]` → `[…, Oᵢ]` each: what each would give alone. The gradients of the input
  /// are summed inside the matrix products, those of adapters without dropout among them.
  public static func all(_ layers: [Linear], of x: Tensor) -> [Tensor] {
    let sharing = layers.map { ($0 as? LoRALinear).flatMap { $0.readsInput ? $0 : nil } }
    let products = x.linears(layers.map { ($0.weight, $0.bias) } + sharing.compactMap { $0 }.map { ($0.down, nil) })
    var narrow = products[layers.count...]
    return zip(layers, zip(products, sharing)).map { layer, made in
      guard let layer = layer as? LoRALinear, layer.isOn else { return made.0 }
      return layer.adapted(made.0, x, narrow: made.1.flatMap { _ in narrow.popFirst() })
    }
  }
}

extension Tensor {
  /// self + scale · narrow Wᵀ with self `[…, O]`, narrow `[…, r]`, W `[O, r]`: one product that begins from self.
  fileprivate func adding(_ narrow: Tensor, times weight: Tensor, scale: Double) -> Tensor {
    let rows = narrow.reshape([-1, narrow.size(-1)])
    return reshape([-1, size(-1)]).addmm(rows, weight.transpose(0, 1), scale: scale).view(shape)
  }
}
