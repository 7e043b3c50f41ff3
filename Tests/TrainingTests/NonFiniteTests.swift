// SPDX-License-Identifier: Apache-2.0
import MetricTokens
import Objectives
import Testing
import Torch
import TorchNN
import Training

/// A NaN stops the run before the update, and the message says where it came from.
@Suite struct NonFiniteTests {
  /// Trains until something is found, and checks that nothing was changed.
  private func found(
    _ model: Toy, _ source: any BatchSource, objective: Objective? = nil, stepsBefore: Int = 0
  ) throws -> NonFinite {
    let trainer = Trainer(model, try objective ?? toyObjective(), toyRule, options: toyOptions)
    var before = weights(of: model)
    let error = #expect(throws: TrainingError.self) {
      try trainer.fit(source) { if case .step = $0 { before = weights(of: model) } }
    }
    #expect(trainer.progress.step == stepsBefore)
    #expect(
      weights(of: model).allSatisfy { key, values in
        zip(values, before[key] ?? []).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
      })
    #expect(model.parameters().allSatisfy { $0.tensor.grad == nil })
    guard case .nonFinite(let found) = try #require(error) else { throw TorchError("\(String(describing: error))") }
    return found
  }

  /// Token 14 is read by some examples alone.
  @Test(arguments: [1, 4])
  func theExamplesWithABadTokenAreNamed(microBatch: Int) throws {
    let model = try Toy()
    model.embedding.select(0, 14).fill_(.nan)
    let examples = try Fixture.toyRun().examples.prefix(4)
    let bad = examples.filter { $0.ids.contains(14) }.map(\.source)
    #expect(!bad.isEmpty)
    #expect(bad.count < 4)
    let found = try found(model, toyBatches(microBatch: microBatch))
    #expect(found.step == 1)
    #expect(found.epoch == 1)
    #expect(found.examples.sorted() == bad.sorted())
    #expect(found.lossTerms == ["ce", "dist"])
    #expect(found.description.contains("step 1 (epoch 1): loss term ce, dist is not finite at toy line"))
  }

  /// The logit of a token that is no digit enters the cross entropy alone.
  @Test func theLossTermIsNamed() throws {
    let model = try Toy()
    model.projection.select(0, 15).fill_(.infinity)
    let found = try found(model, toyBatches())
    #expect(found.lossTerms == ["ce"])
    #expect(found.examples.count == 4)
  }

  /// A place of 10⁴⁰⁰ makes the weights of the distance loss infinite.
  @Test func theMetricIsNamed() throws {
    var examples = try Fixture.toyRun().examples
    examples[2].metrics[0].place.exponent = 400
    let distanceLoss = try DistanceLoss(
      toySpace(), target: .init(SquaredDistance(), temperature: .value(2)), place: .powerOfTen, name: "y")
    let source = ExampleBatches(examples, plan: BatchPlan(count: 14, batch: 4, shuffled: false))
    let found = try found(try Toy(), source, objective: .crossEntropy + 0.1 * distanceLoss)
    #expect(found.lossTerms == ["y"])
    #expect(found.examples == ["toy line 3"])
  }

  /// A loss that is finite may have a gradient that is not: then its parameters are named.
  @Test func aGradientThatIsNotFiniteStopsTheRunToo() throws {
    let model = try Toy()
    var steps = 0
    let planted = DifferentiableFunction(inputs: 1, outputs: 1) {
      [$0[0] * 1.0]
    } backward: { _, _, gradients in
      steps += 1
      return [steps == 3 ? gradients[0]! * Double.nan : gradients[0]!]
    }
    model.poison = { planted($0)[0] }
    let found = try found(model, toyBatches(), stepsBefore: 2)
    #expect(found.step == 3)
    #expect(found.lossTerms.isEmpty)
    // The head lies behind the planted fault, everything else before it.
    #expect(Set(found.parameters) == ["embedding", "q", "k", "v", "o"])
    #expect(found.examples == (9...12).map { "toy line \($0)" })
    #expect(found.description.contains("the gradient is not finite, of"))
  }
}
