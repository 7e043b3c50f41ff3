// SPDX-License-Identifier: Apache-2.0
import Torch

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019), as `torch.optim.AdamW`.
///
/// Parameters in bfloat16 or float16 are updated as float32 masters and rounded afterwards, so that updates smaller
/// than half a unit in the last place are not lost.
public struct AdamW: OptimizerRule {
  /// Factor of each step, which a schedule may multiply.
  public var learningRate: Double
  /// Decay of the running means of gradient and squared gradient.
  public var betas: (first: Double, second: Double)
  /// Added to the root of the second moment.
  public var epsilon: Double
  /// Each step multiplies a parameter by 1 − learning rate · decay.
  public var weightDecay: Double
  /// Settings by parameter; the first group that selects one has it.
  public var groups: [ParameterGroup]
  /// How the moments are held. With `.eight` they take a quarter of the memory (Dettmers et al. 2022, blocks of 256
  /// elements): the stand-in for the paper's paged optimizer.
  public var stateBits: StateBits

  /// Bits of an element of a moment.
  public enum StateBits: Int, Sendable, Codable, CaseIterable {
    case eight = 8
    case thirtyTwo = 32
  }

  /// Memberwise. The defaults are transformers': no weight decay.
  public init(
    learningRate: Double, betas: (first: Double, second: Double) = (0.9, 0.999), epsilon: Double = 1e-8,
    weightDecay: Double = 0, groups: [ParameterGroup] = [], stateBits: StateBits = .thirtyTwo
  ) {
    self.learningRate = learningRate
    self.betas = betas
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.groups = groups
    self.stateBits = stateBits
  }

  /// An optimizer with empty state for these parameters.
  public func makeOptimizer(for parameters: [OptimizedParameter]) -> any Optimizer {
    switch stateBits {
    case .eight: AdamW8Optimizer(self, parameters)
    case .thirtyTwo: AdamWOptimizer(self, parameters)
    }
  }
}

/// The moments of ``AdamW`` and its one-pass update.
final class AdamWOptimizer: Optimizer {
  private struct Slot {
    let key: String, range: Range<Int>
    let parameter: Tensor, values: Tensor  // the same tensor unless values is a master copy
    let first: Tensor, second: Tensor
    let step: Tensor  // a view into `steps`
    var hasMaster: Bool { parameter !== values }
  }

  private let rule: AdamW
  private let slots: [Slot]
  private let groups: [(settings: ParameterGroup?, members: [Int])]
  /// Updates of each parameter so far, `[parameters]` float32 as the fused kernel wants it.
  private let steps: Tensor

  init(_ rule: AdamW, _ parameters: [OptimizedParameter]) {
    self.rule = rule
    let device = parameters.first?.tensor.device ?? .cpu
    let steps = Tensor.zeros([parameters.count], device: device)
    slots = noGrad {
      parameters.enumerated().map { index, parameter in
        let tensor = parameter.tensor
        let values = parameter.optimizedValues
        return Slot(
          key: parameter.key, range: parameter.range, parameter: tensor, values: values,
          first: values.detach().zerosLike(),
          second: values.detach().zerosLike(), step: steps.select(0, index))
      }
    }
    self.steps = steps
    let members = Dictionary(grouping: parameters.indices) { parameters[$0].group ?? -1 }
    groups = members.keys.sorted().map { ($0 < 0 ? nil : rule.groups[$0], members[$0]!) }
  }

  func update(gradients: [Tensor?], gradientFactor: Double, learningRateFactor: Double) {
    precondition(gradients.count == slots.count, "\(gradients.count) gradients for \(slots.count) parameters")
    noGrad {
      for (settings, members) in groups {
        let used = members.filter { gradients[$0] != nil }
        guard !used.isEmpty else { continue }
        let slots = used.map { self.slots[$0] }
        Tensor.addEach_(slots.map(\.step), 1)
        fusedAdamW_(
          parameters: slots.map(\.values), gradients: used.map { gradients[$0]! }, firstMoments: slots.map(\.first),
          secondMoments: slots.map(\.second), steps: slots.map(\.step),
          learningRate: rule.learningRate * (settings?.learningRateScale ?? 1) * learningRateFactor,
          betas: (rule.betas.first, rule.betas.second), weightDecay: settings?.weightDecay ?? rule.weightDecay,
          epsilon: rule.epsilon, gradientFactor: gradientFactor)
      }
      let rounded = slots.filter(\.hasMaster)
      if !rounded.isEmpty { Tensor.copyEach_(rounded.map(\.parameter), from: rounded.map(\.values)) }
    }
  }

  var state: [OptimizerState] {
    [OptimizerState("steps", steps, .ofParameters(slots.map(\.key)))]
      + slots.flatMap { slot in
        let content = OptimizerState.Content.ofElements(slot.range, width: 1)
        return [
          OptimizerState("first." + slot.key, slot.first, content),
          OptimizerState("second." + slot.key, slot.second, content),
        ] + (slot.hasMaster ? [OptimizerState("master." + slot.key, slot.values, content)] : [])
      }
  }
}
