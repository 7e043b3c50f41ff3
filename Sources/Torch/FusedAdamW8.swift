// SPDX-License-Identifier: Apache-2.0

/// Numbers of one AdamW update.
public struct AdamWStep: Sendable {
  /// Factor of the step.
  public var learningRate: Double
  /// Decoupled decay: parameters shrink by this times the learning rate.
  public var weightDecay: Double
  /// Decay of the running means of gradient and squared gradient.
  public var betas: (first: Double, second: Double)
  /// Added to the root of the second mean.
  public var epsilon: Double
  /// Updates of the parameter, this one included.
  public var count: Int
  /// Factor of the gradient.
  public var gradientFactor: Double

  /// Memberwise.
  public init(
    learningRate: Double, weightDecay: Double, betas: (first: Double, second: Double), epsilon: Double, count: Int,
    gradientFactor: Double = 1
  ) {
    (self.learningRate, self.weightDecay, self.betas) = (learningRate, weightDecay, betas)
    (self.epsilon, self.count, self.gradientFactor) = (epsilon, count, gradientFactor)
  }

  /// 1 − βᵗ of both.
  fileprivate var corrections: (first: Double, second: Double) {
    func power(_ beta: Double) -> Double {
      var (product, square, rest) = (1.0, beta, count)
      while rest > 0 {
        if rest % 2 == 1 { product *= square }
        (square, rest) = (square * square, rest / 2)
      }
      return product
    }
    return (1 - power(betas.first), 1 - power(betas.second))
  }
}

/// A moment of AdamW in 8 bits; see ``DynamicCodes``.
public struct CodedMoment {
  /// uint8, of the parameter's shape.
  public let codes: Tensor
  /// float32, one per block.
  public let scales: Tensor

  /// All zeros.
  public init(like parameter: Tensor, _ map: DynamicCodes) {
    (codes, scales) = map.zeros(parameter.shape, device: parameter.device)
  }
}

/// One AdamW step of one parameter whose moments are coded, in place: they are decoded, moved on and used in float32,
/// then coded again, in one pass.
///
/// - Parameters:
///   - values: float32, contiguous.
///   - gradient: float32, of the same shape.
public func adamW8_(
  _ values: Tensor, gradient: Tensor, first: CodedMoment, second: CodedMoment, _ step: AdamWStep
) {
  guard kernelsTake(values, gradient) else {
    return plainAdamW8_(values, gradient: gradient, first: first, second: second, step)
  }
  let (correction1, correction2) = step.corrections
  Fused.adamW8.run(
    values, gradient, first.codes, first.scales, second.codes, second.scales, DynamicCodes.signed.map,
    DynamicCodes.signed.start, DynamicCodes.unsigned.map, DynamicCodes.unsigned.start, step.learningRate,
    step.weightDecay, step.betas.first, step.betas.second, correction1, correction2, step.epsilon, step.gradientFactor)
}

/// The twin of the kernel, in ATen's own operations: moments of the same bits, values to one in the last place, since
/// ATen's square root may come from a library that does not always round to nearest.
func plainAdamW8_(
  _ values: Tensor, gradient: Tensor, first: CodedMoment, second: CodedMoment, _ step: AdamWStep
) {
  let (correction1, correction2) = step.corrections, (beta1, beta2) = step.betas
  let g = gradient * step.gradientFactor
  let m = DynamicCodes.signed.decode(first.codes, scales: first.scales) * beta1 + g * (1 - beta1)
  let v = DynamicCodes.unsigned.decode(second.codes, scales: second.scales) * beta2 + g * g * (1 - beta2)
  let change = m / (v.sqrt() * (1 / correction2.squareRoot()) + step.epsilon) * (step.learningRate / correction1)
  values.copy_(values * (1 - step.learningRate * step.weightDecay) - change)
  for (moment, new) in [(first, DynamicCodes.signed.encode(m)), (second, DynamicCodes.unsigned.encode(v))] {
    moment.codes.copy_(new.codes)
    moment.scales.copy_(new.scales)
  }
}
