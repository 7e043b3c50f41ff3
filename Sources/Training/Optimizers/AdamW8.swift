// SPDX-License-Identifier: Apache-2.0
import Torch

/// ``AdamW`` whose moments are held in 8 bits: about two bytes per parameter instead of eight.
///
/// Parameters of fewer than ``smallest`` elements, and those in float64, keep full moments, as in bitsandbytes: they
/// take little memory, and small ones (normalisations, biases) suffer most.
final class AdamW8Optimizer: Optimizer {
  static let smallest = 4096

  private struct Slot {
    let index: Int, key: String, range: Range<Int>
    let parameter: Tensor, values: Tensor  // the same tensor unless values is a master copy
    let first: CodedMoment, second: CodedMoment
    let settings: ParameterGroup?
    var hasMaster: Bool { parameter !== values }
  }

  private let rule: AdamW
  private let slots: [Slot]
  private let whole: AdamWOptimizer
  private let wholeIndices: [Int]
  /// Updates of each coded parameter so far, float32 as in ``AdamWOptimizer``, on the CPU.
  private let steps: Tensor

  init(_ rule: AdamW, _ parameters: [OptimizedParameter]) {
    self.rule = rule
    let isCoded = parameters.map { $0.wholeCount >= Self.smallest && $0.tensor.dtype != .float64 }
    wholeIndices = parameters.indices.filter { !isCoded[$0] }
    whole = AdamWOptimizer(rule, wholeIndices.map { parameters[$0] })
    slots = noGrad {
      parameters.indices.filter { isCoded[$0] }.map { index in
        let parameter = parameters[index]
        let values = parameter.optimizedValues
        return Slot(
          index: index, key: parameter.key, range: parameter.range, parameter: parameter.tensor, values: values,
          first: CodedMoment(like: values, .signed), second: CodedMoment(like: values, .unsigned),
          settings: parameter.group.map { rule.groups[$0] })
      }
    }
    steps = .zeros([slots.count])
  }

  func update(gradients: [Tensor?], gradientFactor: Double, learningRateFactor: Double) {
    precondition(
      gradients.count == slots.count + wholeIndices.count,
      "\(gradients.count) gradients for \(slots.count + wholeIndices.count) parameters")
    whole.update(
      gradients: wholeIndices.map { gradients[$0] }, gradientFactor: gradientFactor,
      learningRateFactor: learningRateFactor)
    noGrad {
      for (place, slot) in slots.enumerated() {
        guard let gradient = gradients[slot.index] else { continue }
        steps.select(0, place).add_(1)
        adamW8_(
          slot.values, gradient: gradient, first: slot.first, second: slot.second,
          AdamWStep(
            learningRate: rule.learningRate * (slot.settings?.learningRateScale ?? 1) * learningRateFactor,
            weightDecay: slot.settings?.weightDecay ?? rule.weightDecay, betas: rule.betas, epsilon: rule.epsilon,
            count: updates(place), gradientFactor: gradientFactor))
      }
      let rounded = slots.filter(\.hasMaster)
      if !rounded.isEmpty { Tensor.copyEach_(rounded.map(\.parameter), from: rounded.map(\.values)) }
    }
  }

  /// From the host's memory, where the counts are: no device is waited for.
  private func updates(_ place: Int) -> Int {
    steps.withUnsafeMutableBytes { bytes in bytes.isEmpty ? 1 : Int(bytes.bindMemory(to: Float.self)[place]) }
  }

  /// As of ``AdamW`` for the small ones; of the others codes under the moments' names, and their scales.
  var state: [OptimizerState] {
    var state = wholeIndices.isEmpty ? [] : whole.state
    if !slots.isEmpty { state.append(OptimizerState("coded.steps", steps, .ofParameters(slots.map(\.key)))) }
    for slot in slots {
      func add(_ name: String, _ tensor: Tensor, width: Int = 1) {
        state.append(OptimizerState("\(name).\(slot.key)", tensor, .ofElements(slot.range, width: width)))
      }
      add("first", slot.first.codes)
      add("first.scales", slot.first.scales, width: DynamicCodes.block)
      add("second", slot.second.codes)
      add("second.scales", slot.second.scales, width: DynamicCodes.block)
      if slot.hasMaster { add("master", slot.values) }
    }
    return state
  }
}
