// SPDX-License-Identifier: Apache-2.0
public import Torch

/// A linear layer with a low-rank adapter: x Wᵀ + b + scale · dropout(x) Aᵀ Bᵀ, or with a ``magnitude`` DoRA's form of it.
///
/// The checkpoint names of W and b are those of the plain layer; beside them are `lora_A.weight` `[r, I]`,
/// `lora_B.weight` `[O, r]` and `lora_magnitude_vector` `[O]`. W may be quantised.
public final class LoRALinear: Linear {
  /// A: `[rank, inputs]`.
  @Parameter("lora_A.weight") public var down: Tensor
  /// B: `[outputs, rank]`.
  @Parameter("lora_B.weight") public var up: Tensor
  /// m, the norm of each output's weights (DoRA): `[outputs]`; nil in a plain adapter.
  @OptionalParameter("lora_magnitude_vector") public var magnitude: Tensor?
  /// Settings it was made with.
  public let settings: LoRASettings
  /// Factor of its product: α/r, or α/√r.
  public let scale: Double
  /// Whether it takes part; ``TokenModel/withoutAdapters(_:)`` turns it off for a while.
  fileprivate(set) var isOn = true
  /// ‖W‖² of each output `[O]`, with a magnitude.
  private let squares: Tensor?
  private var lastNorms: (versions: [Int], norms: Tensor)?

  /// An adapter on the weights of `base`, of their type and on their device. A and B are zero, the magnitude ‖W‖; see
  /// ``initialise(generator:)``.
  ///
  /// - Parameter key: full name of the layer.
  init(_ base: Linear, _ settings: LoRASettings, key: String) {
    self.settings = settings
    scale = settings.scale(of: key)
    let dtype = base.quantized?.dtype ?? base.weight.dtype
    let device = base.quantized?.codes.bytes.device ?? base.weight.device
    squares = settings.decomposesWeights ? noGrad { base.denseWeight(dtype.atLeastFloat32).square().sum(1) } : nil
    super.init(of: base)
    let shape = base.weightShape, rank = settings.rank(of: key)
    down = .zeros([rank, shape[1]], dtype: dtype, device: device)
    up = .zeros([shape[0], rank], dtype: dtype, device: device)
    magnitude = squares.map { squares in noGrad { squares.sqrt().to(dtype) } }
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

  /// The bias that is added inside the layer's own product: a magnitude scales without it.
  fileprivate var productBias: Tensor? { magnitude != nil && readsInput ? nil : bias }

  /// The layer's output from its own product x Wᵀ + ``productBias`` `[…, O]`; `narrow` is x Aᵀ `[…, r]` if that is known
  /// already.
  fileprivate func adapted(_ base: Tensor, _ x: Tensor, narrow: Tensor?) -> Tensor {
    guard let magnitude else {
      let narrow = narrow ?? x.dropout(settings.dropout, training: isTraining).linear(down)
      return base.adding(narrow, times: up, scale: scale)
    }
    let factor = magnitude / norms()
    if let narrow {
      let scaled = base.adding(narrow, times: up, scale: scale) * factor
      return bias.map { scaled + $0 } ?? scaled
    }
    // As PEFT's DoraLinearVariant: what dropout leaves of x is scaled anew, x itself is not.
    let x = x.dropout(settings.dropout, training: isTraining), product = self.product(x, bias: nil)
    return base + (product.adding(x.linear(down), times: up, scale: scale) * factor - product)
  }

  /// ‖W + scale · B A‖ of each output `[O]`: to gradients a constant (DoRA, section 4.3).
  ///
  /// ‖W‖² + 2 scale · B (A Wᵀ) + scale² · B (A Aᵀ) Bᵀ of each row, so that no matrix of W's size is made, and with B = 0 the
  /// magnitude's first value exactly. Kept while no graph is recorded and A and B stay as they are.
  private func norms() -> Tensor {
    guard let squares, let magnitude else { preconditionFailure("norms are of a layer with a magnitude") }
    let versions = [down.version, up.version]
    if !Torch.recordsGraph, let lastNorms, lastNorms.versions == versions { return lastNorms.norms }
    let norms = noGrad {
      let (a, b) = (down.detach(), up.detach().to(squares.dtype)), wide = a.to(squares.dtype)
      let cross = product(a, bias: nil).to(squares.dtype)  // A Wᵀ [r, O]
      let first = (b * cross.transpose(0, 1)).sum(1) * (2 * scale)
      let second = (b.mm(wide.mm(wide.transpose(0, 1))) * b).sum(1) * (scale * scale)
      return (squares + first + second).clamp(1e-30, nil).sqrt().to(magnitude.dtype)
    }
    lastNorms = Torch.recordsGraph ? nil : (versions, norms)
    return norms
  }

  /// W + scale · B A, with a magnitude its rows brought to that length, as a plain layer: computed in float32 (or in
  /// float64, if that is the weight's type) and rounded once.
  func merged() -> Linear {
    noGrad {
      let dtype = down.dtype, type = dtype.atLeastFloat32
      var sum = denseWeight(type) + up.detach().to(type).mm(down.detach().to(type)) * scale
      if let magnitude {
        let norms = sum.norm(1, keepDim: true).clamp(1e-15, nil)
        sum = sum * (magnitude.detach().to(type).unsqueeze(1) / norms)
      }
      return Linear(weight: sum.to(dtype), bias: bias)
    }
  }
}

extension DType {
  /// Type that sums of weights are computed in.
  fileprivate var atLeastFloat32: DType { self == .float64 ? .float64 : .float32 }
}

extension TokenModel {
  /// Runs `body` with the model as it is without its adapters: as they found it, if they were new.
  ///
  /// - Precondition: no module is trained whole beside them (``LoRASettings/modulesToSave``).
  public func withoutAdapters<Result>(_ body: () throws -> Result) rethrows -> Result {
    let layers = adapters.map(\.layer)
    precondition(
      layers.allSatisfy { $0.settings.modulesToSave.isEmpty }, "what is trained beside adapters cannot be turned off")
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
    func bias(_ layer: Linear) -> Tensor? { (layer as? LoRALinear).map(\.productBias) ?? layer.bias }
    let dense = layers.filter { $0.quantized == nil }
    let products =
      dense.isEmpty && sharing.allSatisfy { $0 == nil }
      ? [] : x.linears(dense.map { ($0.weight, bias($0)) } + sharing.compactMap { $0 }.map { ($0.down, nil) })
    var (own, narrow) = (products[..<dense.count], products[dense.count...])
    return zip(layers, sharing).map { layer, sharing in
      let product = layer.quantized?.codes.linear(x, bias(layer)) ?? own.removeFirst()
      guard let layer = layer as? LoRALinear, layer.isOn else { return product }
      return layer.adapted(product, x, narrow: sharing.flatMap { _ in narrow.popFirst() })
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
